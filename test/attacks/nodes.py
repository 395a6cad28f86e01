"""Nodes that reach for what is another's: the authoriser's graph, and what NodeRestriction lets a node change."""
import base64
import copy

from site_of_attacks import SPACE

A, B = 'system:node:node-a', 'system:node:node-b'
BASE = '/api/v1/namespaces/%s/' % SPACE
LEASES = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
MERGE = 'application/merge-patch+json'


def attempt(site, cases):
    ask = site.ask
    site.settle(lambda: ask(A, 'GET', BASE + 'secrets/of-node-a').status == 200)
    for name, who, method, path, expected in (
            ('control: its own pod\'s secret', A, 'GET', BASE + 'secrets/of-node-a', '200 Secret'),
            ('another node\'s secret', B, 'GET', BASE + 'secrets/of-node-a', '403 secrets "of-node-a" is forbidden: User "system:node:node-b" cannot get resource "secrets" in API group "" in the namespace "shop": no relationship found'),
            ('a secret of nobody\'s', A, 'GET', BASE + 'secrets/vault', '403 '), ('all secrets', A, 'GET', BASE + 'secrets', '403 '),
            ('all secrets of all namespaces', A, 'GET', '/api/v1/secrets', '403 '), ('secrets by a watch', A, 'GET', BASE + 'secrets?watch=1&timeoutSeconds=1', '403 '),
            ('secrets by another\'s name in a selector', B, 'GET', BASE + 'secrets?fieldSelector=metadata.name%3Dof-node-a', '403 '),
            ('two secrets in a selector', A, 'GET', BASE + 'secrets?fieldSelector=metadata.name%3Dof-node-a,metadata.name%3Dvault', '200 SecretList'),
            ('a secret\'s name in capitals', A, 'GET', BASE + 'secrets/OF-NODE-A', '403 '),
            ('control: its own config map', A, 'GET', BASE + 'configmaps/of-node-a', '200 ConfigMap'), ('another node\'s config map', B, 'GET', BASE + 'configmaps/of-node-a', '403 '),
            ('another node\'s claim', B, 'GET', BASE + 'persistentvolumeclaims/of-node-a', '403 '), ('its claim\'s removal', A, 'DELETE', BASE + 'persistentvolumeclaims/of-node-a', '403 '),
            ('changing its secret', A, 'PUT', BASE + 'secrets/of-node-a', '403 '), ('deleting its secret', A, 'DELETE', BASE + 'secrets/of-node-a', '403 '),
            ('making a secret', A, 'POST', BASE + 'secrets', '403 '), ('another node\'s pod', A, 'GET', BASE + 'pods/on-node-b', '403 '), ('all pods', A, 'GET', '/api/v1/pods', '403 '),
            ('the other\'s pods', A, 'GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-b', '403 '),
            ('control: its own pods', A, 'GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-a', '200 PodList'),
            ('pods that are not the other\'s', A, 'GET', '/api/v1/pods?fieldSelector=spec.nodeName!%3Dnode-b', '403 '),
            ('another node', A, 'GET', '/api/v1/nodes/node-b', '403 '), ('all nodes', A, 'GET', '/api/v1/nodes', '403 '), ('deleting itself', A, 'DELETE', '/api/v1/nodes/node-a', '403 '),
            ('deleting another', A, 'DELETE', '/api/v1/nodes/node-b', '403 '), ('another\'s lease', A, 'GET', LEASES + '/node-b', '403 '), ('a lease elsewhere', A, 'GET', LEASES.replace('kube-node-lease', 'kube-system') + '/x', '403 '),
            ('all leases', A, 'GET', LEASES, '403 '), ('another\'s CSI node', A, 'GET', '/apis/storage.k8s.io/v1/csinodes/node-b', '403 '),
            ('all resource slices', A, 'GET', '/apis/resource.k8s.io/v1/resourceslices', '403 '), ('the other\'s resource slices', A, 'GET', '/apis/resource.k8s.io/v1/resourceslices?fieldSelector=spec.nodeName%3Dnode-b', '403 '),
            ('roles', A, 'GET', '/apis/rbac.authorization.k8s.io/v1/clusterroles', '403 '), ('its own proxy', A, 'GET', '/api/v1/nodes/node-a/proxy/pods', '403 '),
            ('a claim\'s volume', A, 'GET', '/api/v1/persistentvolumes/none', '403 '), ('a command in its own pod', A, 'POST', BASE + 'pods/on-node-a/exec?command=id', '403 '),
            ('logs of its own pod', A, 'GET', BASE + 'pods/on-node-a/log', '403 '), ('without the group, its secret', 'system:node:node-c', 'GET', BASE + 'secrets/of-node-a', '403 '),
            ('a name without a node, a secret', 'system:node:', 'GET', BASE + 'secrets/of-node-a', '403 '), ('the group without the name, a secret', 'lodger', 'GET', BASE + 'secrets/of-node-a', '403 '),
            ('certificates\' approval', A, 'PUT', '/apis/certificates.k8s.io/v1/certificatesigningrequests/x/approval', '403 ')):
        cases(name, expected, ask(who, method, path, '{}' if method in ('PUT', 'POST') else None))
    tokens(site, cases)
    itself(site, cases)
    pods(site, cases)
    leases(site, cases)


def tokens(site, cases):
    pod = {name: site.admin('GET', BASE + 'pods/on-' + name)['metadata'] for name in ('node-a', 'node-b')}

    def ask(who, account, bound=None, space=SPACE, **spec):
        if bound:
            spec['boundObjectRef'] = dict({'apiVersion': 'v1', 'kind': 'Pod', 'name': bound['name'], 'uid': bound['uid']})
        return site.ask(who, 'POST', '/api/v1/namespaces/%s/serviceaccounts/%s/token' % (space, account), {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': spec})
    for name, answer, expected in (
            ('control: a token for its pod', ask(A, 'robot', pod['node-a']), '201 TokenRequest'), ('a token bound to nothing', ask(A, 'robot'), '403 ...node requested token not bound to a pod'),
            ('a token for another\'s pod', ask(A, 'robot', pod['node-b']), '403 ...node requested token bound to a pod scheduled on a different node'),
            ('a token for its pod by a wrong uid', ask(A, 'robot', dict(pod['node-a'], uid='x')), '403 ...does not match the UID in record'),
            ('a token for its pod without a uid', ask(A, 'robot', dict(pod['node-a'], uid='')), '403 ...node requested token with a pod binding without a uid'),
            ('a token of an account that is no pod\'s of its', ask(A, 'butler', pod['node-a']), '403 '), ('a token elsewhere', ask(A, 'default', pod['node-a'], 'kube-system'), '403 '),
            ('a token bound to a node', site.ask(A, 'POST', BASE + 'serviceaccounts/robot/token', {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {
                'boundObjectRef': {'apiVersion': 'v1', 'kind': 'Node', 'name': 'node-a'}}}), '403 '),
            ('a token for another audience', ask(A, 'robot', pod['node-a'], audiences=['https://vault']), '403 ')):
        cases(name, expected, answer)


def itself(site, cases):
    """CVE-2025-5187 and its like: what a node may not change of itself."""
    node = site.admin('GET', '/api/v1/nodes/node-a')

    def put(name, change, expected, path='/api/v1/nodes/node-a', who=A):
        changed = copy.deepcopy(site.admin('GET', '/api/v1/nodes/node-a') if 'node-a' in path else site.admin('GET', '/api/v1/nodes/node-b'))
        change(changed)
        cases(name, expected, site.ask(who, 'PUT', path, changed))

    def label(key):
        return lambda n: n['metadata']['labels'].update({key: 'x'})
    owner = [{'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'none', 'uid': '11111111-2222-3333-4444-555555555555'}]
    put('control: a label that a kubelet sets', label('kubernetes.io/os'), '200 Node')
    put('control: a label of nobody\'s', label('example.org/x'), '200 Node')
    put('a label for isolation', label('x.node-restriction.kubernetes.io/a'), '403 nodes "node-a" is forbidden: is not allowed to modify labels: x.node-restriction.kubernetes.io/a')
    put('a label of Kubernetes', label('kubernetes.io/exclude'), '403 ...is not allowed to modify labels')
    put('a role', label('node-role.kubernetes.io/control-plane'), '403 ...is not allowed to modify labels')
    put('a label by its status', label('node-role.kubernetes.io/control-plane'), '403 ', '/api/v1/nodes/node-a/status')
    put('a taint', lambda n: n['spec'].update(taints=[{'key': 'a', 'effect': 'NoSchedule'}]), '403 nodes "node-a" is forbidden: node "node-a" is not allowed to modify taints')
    put('an owner (CVE-2025-5187)', lambda n: n['metadata'].update(ownerReferences=owner), '403 nodes "node-a" is forbidden: node "node-a" is not allowed to modify ownerReferences')
    put('an owner by its status', lambda n: n['metadata'].update(ownerReferences=owner), '403 ', '/api/v1/nodes/node-a/status')
    put('another node', label('example.org/x'), '403 nodes "node-b" is forbidden: node "node-a" is not allowed to modify node "node-b"', '/api/v1/nodes/node-b')
    put('another\'s status', lambda n: n['status'].update(phase=''), '403 ...is not allowed to modify node "node-b"', '/api/v1/nodes/node-b/status')
    for name, body, expected in (
            ('a patch that adds a role', {'metadata': {'labels': {'node-role.kubernetes.io/x': ''}}}, '403 '), ('a patch that adds an owner', {'metadata': {'ownerReferences': owner}}, '403 '),
            ('a patch that adds a taint', {'spec': {'taints': [{'key': 'a', 'effect': 'NoExecute'}]}}, '403 ')):
        cases(name, expected, site.ask(A, 'PATCH', '/api/v1/nodes/node-a', body, content_type=MERGE))
    fresh = {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'name': 'node-x', 'labels': {}}}
    cases('making another node', '403 nodes "node-x" is forbidden: node "node-a" is not allowed to modify node "node-x"', site.ask(A, 'POST', '/api/v1/nodes', fresh))
    cases('making any node, by generateName', '403 ', site.ask(A, 'POST', '/api/v1/nodes', {'apiVersion': 'v1', 'kind': 'Node', 'metadata': {'generateName': 'node-'}}))
    cases('a node\'s group without its name makes one', '403 ', site.ask('lodger', 'POST', '/api/v1/nodes', fresh))
    assert not site.admin('GET', '/api/v1/nodes/node-a')['metadata'].get('ownerReferences'), node['metadata']['name']


def pods(site, cases):
    """Mirror pods and nothing but mirror pods."""
    node = site.admin('GET', '/api/v1/nodes/node-a')['metadata']

    def mirror(name, on='node-a', owner=True, **spec):
        pod = site.pod(name, on, **spec)
        if 'serviceAccountName' not in spec:
            del pod['spec']['serviceAccountName']
        pod['metadata']['annotations'] = {'kubernetes.io/config.mirror': 'x'}
        if owner:
            pod['metadata']['ownerReferences'] = [{'apiVersion': 'v1', 'kind': 'Node', 'name': node['name'], 'uid': node['uid'], 'controller': True}]
        return pod

    def volume(**source):
        return [dict({'name': 'v'}, **source)]
    plain = site.pod('plain', 'node-a')
    foreign = mirror('foreign')
    foreign['metadata']['ownerReferences'][0].update(name='node-b')
    uncontrolled = mirror('uncontrolled')
    uncontrolled['metadata']['ownerReferences'][0].update(blockOwnerDeletion=True)
    claimed = mirror('claimed', resourceClaims=[{'name': 'gpu', 'resourceClaimName': 'claim'}])
    environment = [{'name': 'main', 'image': 'a', 'env': [{'name': 'A', 'valueFrom': {'secretKeyRef': {'name': 'vault', 'key': 'key'}}}]}]
    for name, pod, expected in (
            ('control: a mirror pod', mirror('mirror'), '201 Pod'), ('a pod that is none', plain, '403 pods "plain" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "node-a" can only create mirror pods'),
            ('a mirror pod on another node', mirror('m1', 'node-b'), '403 ...node "node-a" can only create pods with spec.nodeName set to itself'),
            ('a mirror pod on no node', mirror('m2', None), '403 '), ('a mirror pod without an owner', mirror('m3', owner=False), '403 '),
            ('a mirror pod of another node', foreign, '403 '), ('a mirror pod that holds its node', uncontrolled, '403 '),
            ('a mirror pod with an account', mirror('m4', serviceAccountName='robot'), '403 pods "m...'),
            ('a mirror pod with a secret', mirror('m5', volumes=volume(secret={'secretName': 'vault'})), '403 pods "m...'),
            ('a mirror pod with a secret in the environment', mirror('m6', containers=environment), '403 pods "m...'),
            ('a mirror pod with a secret to pull images', mirror('m7', imagePullSecrets=[{'name': 'vault'}]), '403 pods "m...'),
            ('a mirror pod with a secret in an init container', mirror('m8', initContainers=[dict(environment[0], name='i')]), '403 pods "m...'),
            ('a mirror pod with a config map', mirror('m9', volumes=volume(configMap={'name': 'menu'})), '403 ...can not create pods that reference configmaps'),
            ('a mirror pod with a claim', mirror('m10', volumes=volume(persistentVolumeClaim={'claimName': 'of-node-b'})), '403 ...can not create pods that reference persistentvolumeclaims'),
            ('a mirror pod with a token', mirror('m11', volumes=volume(projected={'sources': [{'serviceAccountToken': {'path': 't'}}]})), '403 pods "m...'),
            ('a mirror pod with a secret among others', mirror('m12', volumes=volume(projected={'sources': [{'secret': {'name': 'vault'}}]})), '403 pods "m...'),
            ('a mirror pod with devices (CVE-2025-4563)', claimed, '403 ...can not create pods that reference resourceclaims'),
            ('a mirror pod with CSI\'s secret', mirror('m13', volumes=volume(csi={'driver': 'd.example', 'nodePublishSecretRef': {'name': 'vault'}})), '403 ')):
        cases(name, expected, site.ask(A, 'POST', BASE + 'pods', pod))
    of_b, of_a = BASE + 'pods/on-node-b', BASE + 'pods/on-node-a'
    status = site.admin('GET', of_a)
    labelled = copy.deepcopy(status)
    labelled['metadata']['labels'] = {'app': 'trusted'}
    claims = copy.deepcopy(status)
    claims['status']['resourceClaimStatuses'] = [{'name': 'gpu', 'resourceClaimName': 'another'}]
    for name, answer, expected in (
            ('the status of another\'s pod', site.ask(A, 'PATCH', of_b + '/status', {'status': {'phase': 'Failed'}}, content_type=MERGE), '403 ...node "node-a" can only update pod status for pods with spec.nodeName set to itself'),
            ('a label by a pod\'s status', site.ask(A, 'PUT', of_a + '/status', labelled), '403 ...cannot update labels through pod status'),
            ('claims by a pod\'s status', site.ask(A, 'PUT', of_a + '/status', claims), '403 ...cannot update resource claim statues'),
            ('deleting another\'s pod', site.ask(A, 'DELETE', of_b), '403 ...node "node-a" can only delete pods with spec.nodeName set to itself'),
            ('evicting another\'s pod', site.ask(A, 'POST', of_b + '/eviction', {'apiVersion': 'policy/v1', 'kind': 'Eviction', 'metadata': {'name': 'on-node-b'}}), '403 ...node node-a can only evict pods with spec.nodeName set to itself'),
            ('evicting another\'s pod by one of its own', site.ask(A, 'POST', of_a + '/eviction', {'apiVersion': 'policy/v1', 'kind': 'Eviction', 'metadata': {'name': 'on-node-b'}}), '4'),
            ('changing its own pod', site.ask(A, 'PATCH', of_a, {'metadata': {'labels': {'a': 'b'}}}, content_type=MERGE), '403 '),
            ('a container more', site.ask(A, 'PATCH', of_a + '/ephemeralcontainers', {'spec': {'ephemeralContainers': [{'name': 'e', 'image': 'a'}]}}, content_type=MERGE), '403 '),
            ('binding a pod to itself', site.ask(A, 'POST', of_b + '/binding', {'apiVersion': 'v1', 'kind': 'Binding', 'target': {'kind': 'Node', 'name': 'node-a'}}), '403 '),
            ('deleting all pods', site.ask(A, 'DELETE', BASE + 'pods'), '403 ')):
        cases(name, expected, answer)


def leases(site, cases):
    def lease(name):
        return {'apiVersion': 'coordination.k8s.io/v1', 'kind': 'Lease', 'metadata': {'name': name}, 'spec': {'holderIdentity': name}}
    slices = '/apis/resource.k8s.io/v1/resourceslices'
    part = {'apiVersion': 'resource.k8s.io/v1', 'kind': 'ResourceSlice', 'metadata': {'name': 'gpus'}, 'spec': {'driver': 'd.example', 'nodeName': 'node-b', 'pool': {'name': 'p', 'generation': 1, 'resourceSliceCount': 1}}}
    csi = {'apiVersion': 'storage.k8s.io/v1', 'kind': 'CSINode', 'metadata': {'name': 'node-b'}, 'spec': {'drivers': []}}
    for name, answer, expected in (
            ('control: its own lease', site.ask(A, 'POST', LEASES, lease('node-a')), '201 Lease'), ('a lease of another', site.ask(A, 'POST', LEASES, lease('node-b')), '403 leases.coordination.k8s.io "node-b" is forbidden: can only access node lease with the same name as the requesting node'),
            ('a lease elsewhere', site.ask(A, 'POST', LEASES.replace('kube-node-lease', 'kube-system'), lease('node-a')), '403 '),
            ('a CSI node of another', site.ask(A, 'POST', '/apis/storage.k8s.io/v1/csinodes', csi), '403 ...can only access CSINode with the same name as the requesting node'),
            ('a resource slice of another', site.ask(A, 'POST', slices, part), '403 ...can only create ResourceSlice with the same NodeName as the requesting node')):
        cases(name, expected, answer)
    request = {'apiVersion': 'certificates.k8s.io/v1', 'kind': 'CertificateSigningRequest', 'metadata': {'name': 'foreign'}}
    site.certificate('csr-node-b', '/O=system:nodes/CN=system:node:node-b')
    text = base64.b64encode((site.folder / 'csr-node-b.csr').read_bytes()).decode()
    request['spec'] = {'request': text, 'signerName': 'kubernetes.io/kubelet-serving', 'usages': ['digital signature', 'server auth'], 'username': B}
    cases('a certificate for serving in another\'s name', '403 ...can only create a node CSR with CN=system:node:node-a',
          site.ask(A, 'POST', '/apis/certificates.k8s.io/v1/certificatesigningrequests', request))
