"""64 users at once against one quota: never one over, whatever is counted."""
import threading

CREATORS, EACH = 64, 2
HARD = {'pods': '7', 'services': '3', 'configmaps': '9', 'count/secrets': '5', 'count/leases.coordination.k8s.io': '4', 'requests.cpu': '1', 'services.nodeports': '2', 'persistentvolumeclaims': '3',
        'requests.storage': '2Gi'}


def attempt(site, cases):
    space = '/api/v1/namespaces/narrow/'
    site.make('/api/v1/namespaces', 'Namespace', 'narrow')
    site.make(space + 'serviceaccounts', 'ServiceAccount', 'default')
    site.make(space + 'serviceaccounts', 'ServiceAccount', 'robot')
    quota = site.make(space + 'resourcequotas', 'ResourceQuota', 'all', spec={'hard': HARD})
    quota['status'] = {'hard': HARD, 'used': {key: '0' for key in HARD}}    # what a controller would do
    site.admin('PUT', space + 'resourcequotas/all/status', quota)
    site.settle(lambda: site.ask('root', 'POST', space + 'configmaps?dryRun=All', {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'probe'}}).status == 201)

    def thing(kind, name):
        body = {'apiVersion': 'v1', 'kind': kind, 'metadata': {'name': name}}
        if kind == 'Pod':
            body = site.pod(name, space='narrow', containers=[{'name': 'a', 'image': 'a', 'resources': {'requests': {'cpu': '200m'}}}])
        elif kind == 'Service':
            body['spec'] = {'type': 'NodePort', 'ports': [{'port': 80}]}
        elif kind == 'Lease':
            body['apiVersion'] = 'coordination.k8s.io/v1'
        elif kind == 'PersistentVolumeClaim':
            body['spec'] = {'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '700Mi'}}}
        return body
    for kind, path, most in (('ConfigMap', space + 'configmaps', 9), ('Secret', space + 'secrets', 5), ('Service', space + 'services', 2), ('Pod', space + 'pods', 5),
                             ('Lease', '/apis/coordination.k8s.io/v1/namespaces/narrow/leases', 4), ('PersistentVolumeClaim', space + 'persistentvolumeclaims', 2)):
        answers, gate = [], threading.Barrier(CREATORS)

        def create(number, kind=kind, path=path):
            client = site.server.client(60)
            gate.wait(60)
            for turn in range(EACH):
                status, said = client.call('POST', path, thing(kind, 'n%d-%d' % (number, turn)))
                answers.append((status, said.get('message', '')))
            client.close()
        threads = [threading.Thread(target=create, args=(number,)) for number in range(CREATORS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        made = sum(status == 201 for status, _ in answers)
        others = sorted({status for status, _ in answers} - {201})
        told = all('exceeded quota: all, requested:' in said for status, said in answers if status == 403)
        there = len(site.admin('GET', path)['items'])
        there -= kind == 'ConfigMap' and any(item['metadata']['name'] == 'kube-root-ca.crt' for item in site.admin('GET', path)['items'])
        # Where many are refused at once the real server gives some up with a conflict; none of ours may be.
        line = '%d made, %d there, others %s%s' % (made, there, others, '' if told else ' for another reason')
        cases('%d creators of a %s' % (CREATORS, kind), '%d made, %d there, others [403]' % (most, most), line, '%d made, %d there' % (most, most))
    used = site.admin('GET', space + 'resourcequotas/all')['status']['used']
    cases('what is used in the end', '5 pods 1 cpu 2 services', '%s pods %s cpu %s services' % (used['pods'], used['requests.cpu'], used['services']))
    for name in [item['metadata']['name'] for item in site.admin('GET', space + 'pods')['items']]:
        site.admin('DELETE', space + 'pods/%s?gracePeriodSeconds=0' % name)
    pod = thing('Pod', 'greedy')
    pod['spec']['containers'][0]['resources']['requests']['cpu'] = '-1'
    cases('a pod asks for less than nothing', '422 ', site.ask('root', 'POST', space + 'pods', pod))
    pod['spec']['containers'][0]['resources'] = {}
    cases('a pod asks for nothing that is counted', '403 ...failed quota: all: must specify requests.cpu', site.ask('root', 'POST', space + 'pods', pod))
    pod['spec']['initContainers'] = [{'name': 'i', 'image': 'a', 'resources': {'requests': {'cpu': '1100m'}}}]
    pod['spec']['containers'][0]['resources'] = {'requests': {'cpu': '1m'}}
    cases('a pod asks for much at first', '403 ...exceeded quota', site.ask('root', 'POST', space + 'pods', pod))
