"""Pods that ask for more than their namespace and their account let them have: at once, and in every way that changes one later."""
import copy

from site_of_attacks import SPACE

MERGE, STRATEGIC = 'application/merge-patch+json', 'application/strategic-merge-patch+json'


def container(name='x', **more):
    return dict({'name': name, 'image': 'example.org/a:1'}, **more)


def attempt(site, cases):
    security(site, cases)
    accounts(site, cases)
    others(site, cases)


def security(site, cases):
    """PodSecurity at baseline: every list of containers, every way to change them."""
    site.make('/api/v1/namespaces', 'Namespace', 'guarded', metadata={'labels': {'pod-security.kubernetes.io/enforce': 'baseline'}})
    site.make('/api/v1/namespaces/guarded/serviceaccounts', 'ServiceAccount', 'default')
    site.cluster_role('dev-guarded', ('', 'pods', 'get,create,update,patch'), ('', 'pods/ephemeralcontainers,pods/resize', 'update,patch'), bind='dev', space='guarded')
    path = '/api/v1/namespaces/guarded/pods'
    privileged = container(securityContext={'privileged': True})

    def pod(name, **spec):
        made = site.pod(name, space='guarded', **spec)
        made['spec']['serviceAccountName'] = 'default'
        return made
    cases('control: a pod of baseline', '201 Pod', site.ask('dev', 'POST', path, pod('plain')))
    for name, spec in (
            ('privileged', {'containers': [privileged]}), ('privileged at first', {'initContainers': [privileged]}), ('the host\'s network', {'hostNetwork': True}), ('the host\'s processes', {'hostPID': True}), ('the host\'s IPC', {'hostIPC': True}),
            ('the host\'s files', {'volumes': [{'name': 'v', 'hostPath': {'path': '/'}}]}), ('a port of the host', {'containers': [container(ports=[{'containerPort': 1, 'hostPort': 1}])]}),
            ('a capability', {'containers': [container(securityContext={'capabilities': {'add': ['SYS_ADMIN']}})]}), ('no AppArmor', {'securityContext': {'appArmorProfile': {'type': 'Unconfined'}}}),
            ('no seccomp', {'containers': [container(securityContext={'seccompProfile': {'type': 'Unconfined'}})]}),
            ('a host\'s probe', {'containers': [container(livenessProbe={'httpGet': {'port': 80, 'host': '169.254.169.254'}})]}),
            ('a host in a hook', {'containers': [container(lifecycle={'postStart': {'httpGet': {'port': 80, 'host': '127.0.0.1'}}})]}),
            ('a sysctl', {'securityContext': {'sysctls': [{'name': 'kernel.core_pattern', 'value': '|/x'}]}}), ('SELinux\' user', {'securityContext': {'seLinuxOptions': {'user': 'root'}}}),
            ('Windows\' host process', {'securityContext': {'windowsOptions': {'hostProcess': True}}, 'hostNetwork': True})):
        cases('a pod with ' + name, '403 ...violates PodSecurity "baseline:latest"', site.ask('dev', 'POST', path, pod('p', **spec)))
    one = path + '/plain'
    for name, method, where, body, kind in (
            ('privileged, by a debugger (CVE-2023-2728\'s way)', 'PATCH', one + '/ephemeralcontainers', {'spec': {'ephemeralContainers': [privileged]}}, STRATEGIC),
            ('a capability, by a debugger', 'PATCH', one + '/ephemeralcontainers', {'spec': {'ephemeralContainers': [container(securityContext={'capabilities': {'add': ['NET_ADMIN', 'SYS_PTRACE']}})]}}, MERGE)):
        cases('a pod gets ' + name, '403 ...violates PodSecurity "baseline:latest"', site.ask('dev', method, where, body, content_type=kind))
    changed = copy.deepcopy(site.admin('GET', one))
    changed['spec']['ephemeralContainers'] = [privileged]
    cases('a pod gets a debugger by an update of the pod', '422 ', site.ask('dev', 'PUT', one, changed))
    changed['spec'].pop('ephemeralContainers')
    changed['spec']['containers'][0]['securityContext'] = {'privileged': True}
    cases('a pod gets privileged by an update', '4', site.ask('dev', 'PUT', one, changed))
    answer = site.ask('dev', 'PATCH', one + '/resize', {'spec': {'containers': [{'name': 'main', 'securityContext': {'privileged': True}}]}}, content_type=STRATEGIC)
    cases('a pod gets nothing but sizes by a resize', '200 ', answer if not (answer.json or {}).get('spec', {}).get('containers', [{}])[0].get('securityContext') else 'privileged')
    for name, labels in (('privileged', {'pod-security.kubernetes.io/enforce': 'privileged'}), ('nothing', {'pod-security.kubernetes.io/enforce': None})):
        cases('the namespace is made %s by who may not' % name, '403 ', site.ask('dev', 'PATCH', '/api/v1/namespaces/guarded', {'metadata': {'labels': labels}}, content_type=MERGE))
    cases('the namespace gets a level that is none', '422 ', site.ask('root', 'PATCH', '/api/v1/namespaces/guarded', {'metadata': {'labels': {'pod-security.kubernetes.io/enforce': 'none'}}}, content_type=MERGE))
    cases('the namespace gets a version that is none', '422 ', site.ask('root', 'PATCH', '/api/v1/namespaces/guarded', {'metadata': {'labels': {'pod-security.kubernetes.io/enforce-version': 'v0'}}}, content_type=MERGE))


def accounts(site, cases):
    """An account that may mount only its own secrets; CVE-2023-2728 went around it by ephemeral containers."""
    base = '/api/v1/namespaces/%s/' % SPACE
    site.make(base + 'serviceaccounts', 'ServiceAccount', 'strict', metadata={'annotations': {'kubernetes.io/enforce-mountable-secrets': 'true'}}, secrets=[{'name': 'of-node-a'}])

    def pod(name, **spec):
        return site.pod(name, serviceAccountName='strict', **spec)
    other = {'secretKeyRef': {'name': 'vault', 'key': 'key'}}
    cases('control: the account\'s secret', '201 Pod', site.ask('dev', 'POST', base + 'pods', pod('strict', volumes=[{'name': 'v', 'secret': {'secretName': 'of-node-a'}}])))
    for name, spec in (
            ('in a volume', {'volumes': [{'name': 'v', 'secret': {'secretName': 'vault'}}]}), ('in the environment', {'containers': [container(env=[{'name': 'A', 'valueFrom': other}])]}),
            ('in all of the environment', {'containers': [container(envFrom=[{'secretRef': {'name': 'vault'}}])]}), ('in an init container', {'initContainers': [container('i', envFrom=[{'secretRef': {'name': 'vault'}}])]}),
            ('to pull images', {'imagePullSecrets': [{'name': 'vault'}]})):
        cases('another secret ' + name, '403 ', site.ask('dev', 'POST', base + 'pods', pod('s', **spec)))
    for name, extra in (('in a debugger\'s environment (CVE-2023-2728)', {'env': [{'name': 'A', 'valueFrom': other}]}), ('in all of a debugger\'s environment', {'envFrom': [{'secretRef': {'name': 'vault'}}]})):
        body = {'spec': {'ephemeralContainers': [container('debug', **extra)]}}
        cases('another secret ' + name, '403 ', site.ask('dev', 'PATCH', base + 'pods/strict/ephemeralcontainers', body, content_type=STRATEGIC))
    cases('an account that is not there', '403 ...error looking up service account shop/none: serviceaccount "none" not found', site.ask('dev', 'POST', base + 'pods', site.pod('s', serviceAccountName='none')))
    changed = site.admin('GET', base + 'pods/strict')
    changed['spec']['serviceAccountName'] = changed['spec']['serviceAccount'] = 'robot'
    cases('another account by an update', '422 ', site.ask('dev', 'PUT', base + 'pods/strict', changed))
    changed = site.admin('GET', base + 'pods/strict')
    changed['spec']['nodeName'] = 'node-b'
    cases('another node by an update', '422 ', site.ask('dev', 'PUT', base + 'pods/strict', changed))
    cases('a mirror pod by a user', '...', site.ask('dev', 'POST', base + 'pods', dict(site.pod('mirrored'), metadata={'name': 'mirrored', 'annotations': {'kubernetes.io/config.mirror': 'x'}})))


def others(site, cases):
    base = '/api/v1/namespaces/%s/' % SPACE
    site.cluster_role('dev-more', ('', 'services,persistentvolumeclaims', 'create,update,patch,get'), ('discovery.k8s.io', 'endpointslices', 'create'), ('', 'services/status', 'patch'), bind='dev', space=SPACE)
    service = {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 'grab'}, 'spec': {'ports': [{'port': 443}], 'externalIPs': ['192.0.2.53']}}
    cases('a service takes another\'s address (CVE-2020-8554)', '403 ...Use of external IPs is denied by admission control', site.ask('dev', 'POST', base + 'services', service))
    del service['spec']['externalIPs']
    cases('control: a service without', '201 Service', site.ask('dev', 'POST', base + 'services', service))
    cases('a service takes another\'s address later', '403 ...Use of external IPs is denied by admission control', site.ask('dev', 'PATCH', base + 'services/grab', {'spec': {'externalIPs': ['192.0.2.53']}}, content_type=MERGE))
    taken = dict(service, metadata={'name': 'taken'}, spec={'ports': [{'port': 443}], 'clusterIP': '10.96.0.1'})
    cases('a service takes the API\'s address', '422 ...provided IP is already allocated', site.ask('dev', 'POST', base + 'services', taken))
    outside = dict(service, metadata={'name': 'outside'}, spec={'ports': [{'port': 443}], 'clusterIP': '169.254.169.254'})
    cases('a service takes an address outside of the range', '422 ', site.ask('dev', 'POST', base + 'services', outside))

    def slice_of(address):
        return {'apiVersion': 'discovery.k8s.io/v1', 'kind': 'EndpointSlice', 'metadata': {'generateName': 'e-', 'labels': {'kubernetes.io/service-name': 'grab'}}, 'addressType': 'IPv4',
                'endpoints': [{'addresses': [address]}], 'ports': [{'name': '', 'port': 443}]}
    for address in ('127.0.0.1', '169.254.169.254', '224.0.0.1', '0.0.0.0', '127.000.000.001', '2130706433'):
        cases('endpoints at ' + address, '422 ', site.ask('dev', 'POST', '/apis/discovery.k8s.io/v1/namespaces/%s/endpointslices' % SPACE, slice_of(address)))
    for path in ('../../etc', '/etc', 'a/../../b', '..', 'a/..'):
        pod = site.pod('climber', containers=[container(volumeMounts=[{'name': 'v', 'mountPath': '/v', 'subPath': path}])], volumes=[{'name': 'v', 'emptyDir': {}}])
        cases('a pod mounts %s of its volume (CVE-2017-1002101)' % path, '422 ', site.ask('dev', 'POST', base + 'pods', pod))
    for path in ('../../../etc/shadow', '/etc/shadow', '..x', 'a/../b'):
        pod = site.pod('climber', volumes=[{'name': 'v', 'configMap': {'name': 'menu', 'items': [{'key': 'a', 'path': path}]}}])
        cases('a pod writes a key to %s' % path, '422 ', site.ask('dev', 'POST', base + 'pods', pod))
    pod = site.pod('climber', volumes=[{'name': 'v', 'hostPath': {'path': '/var/../../etc'}}])
    cases('a pod mounts the host\'s /var/../../etc', '422 ', site.ask('dev', 'POST', base + 'pods', pod))
