"""Users who try to get rights that they have not: by roles, bindings, tokens, impersonation and certificates."""
import base64

from site_of_attacks import SPACE

RBAC = '/apis/rbac.authorization.k8s.io/v1'
ROLES, BINDINGS = RBAC + '/namespaces/%s/roles' % SPACE, RBAC + '/namespaces/%s/rolebindings' % SPACE
V1 = 'rbac.authorization.k8s.io/v1'
MERGE, APPLY, JSON = 'application/merge-patch+json', 'application/apply-patch+yaml', 'application/json-patch+json'
SECRETS = {'apiGroups': [''], 'resources': ['secrets'], 'verbs': ['get']}
NOT_HELD = '403 ...is attempting to grant RBAC permissions not currently held:'


def role(name, *rules, kind='Role', **more):
    return dict({'apiVersion': V1, 'kind': kind, 'metadata': {'name': name}, 'rules': list(rules)}, **more)


def binding(name, to, who='roler', kind='RoleBinding', to_kind='ClusterRole'):
    return {'apiVersion': V1, 'kind': kind, 'metadata': {'name': name}, 'roleRef': {'apiGroup': V1[:-3], 'kind': to_kind, 'name': to},
            'subjects': [{'kind': 'User', 'name': who, 'apiGroup': V1[:-3]}]}


def attempt(site, cases):
    roles(site, cases)
    bindings(site, cases)
    tokens(site, cases)
    certificates(site, cases)


def roles(site, cases):
    site.cluster_role('roler', (V1[:-3], 'roles,rolebindings', 'get,list,watch,create,update,patch,delete,deletecollection'), bind='roler', space=SPACE)
    site.cluster_role('roler-menu', ('', 'configmaps', 'get'), bind='roler', space=SPACE)
    site.cluster_role('aggregator', (V1[:-3], 'clusterroles,clusterrolebindings', 'get,create,update,patch,delete'), bind='aggregator')
    held = {'apiGroups': [''], 'resources': ['configmaps'], 'verbs': ['get']}
    ask = site.ask
    for name, rule, expected in (
            ('control: a role of what one has', held, '201 Role'), ('a role that reads secrets', SECRETS, NOT_HELD + ' {APIGroups:[""], Resources:["secrets"], Verbs:["get"]}'),
            ('a role of everything', {'apiGroups': ['*'], 'resources': ['*'], 'verbs': ['*']}, NOT_HELD), ('a verb more', dict(held, verbs=['get', 'list']), NOT_HELD),
            ('every verb', dict(held, verbs=['*']), NOT_HELD), ('every group', dict(held, apiGroups=['*']), NOT_HELD), ('every resource', dict(held, resources=['*']), NOT_HELD),
            ('a subresource', dict(held, resources=['configmaps/status']), NOT_HELD), ('every subresource', dict(held, resources=['*/status']), NOT_HELD),
            ('control: one name of what one has', dict(held, resourceNames=['menu']), '201 Role'), ('one name of what one has not', dict(SECRETS, resourceNames=['vault']), NOT_HELD),
            ('escalation itself', {'apiGroups': [V1[:-3]], 'resources': ['roles'], 'verbs': ['escalate']}, NOT_HELD), ('impersonation', {'apiGroups': [''], 'resources': ['users'], 'verbs': ['impersonate']}, NOT_HELD),
            ('a path', {'nonResourceURLs': ['/metrics'], 'verbs': ['get']}, '4')):
        cases('makes a role: ' + name, expected, ask('roler', 'POST', ROLES, role('r%d' % abs(hash(name)), rule)))
    site.admin('POST', ROLES, role('victim', held))
    one = ROLES + '/victim'
    for name, method, body, kind, path in (
            ('by an update', 'PUT', role('victim', held, SECRETS), 'application/json', one), ('by a patch', 'PATCH', {'rules': [SECRETS]}, MERGE, one),
            ('by a JSON patch', 'PATCH', [{'op': 'add', 'path': '/rules/-', 'value': SECRETS}], JSON, one), ('by a strategic patch', 'PATCH', {'rules': [SECRETS]}, 'application/strategic-merge-patch+json', one),
            ('by an apply', 'PATCH', role('victim', SECRETS), APPLY, one + '?fieldManager=x&force=true'), ('by an apply that makes it', 'PATCH', role('applied', SECRETS), APPLY, ROLES + '/applied?fieldManager=x'),
            ('by generateName', 'POST', {'apiVersion': V1, 'kind': 'Role', 'metadata': {'generateName': 'x-'}, 'rules': [SECRETS]}, 'application/json', ROLES),
            ('without leaving a trace', 'POST', role('dry', SECRETS), 'application/json', ROLES + '?dryRun=All')):
        cases('widens a role ' + name, NOT_HELD, ask('roler', method, path, body, content_type=kind))
    cases('a role by the name of another namespace', '400 ', ask('roler', 'POST', ROLES, dict(role('astray', SECRETS), metadata={'name': 'astray', 'namespace': 'kube-system'})))
    cases('a cluster role, by who may make roles', '403 ', ask('roler', 'POST', RBAC + '/clusterroles', role('x', held, kind='ClusterRole')))
    label = {'rbac.authorization.k8s.io/aggregate-to-view': 'true'}
    every = {'clusterRoleSelectors': [{}]}
    for name, answer, expected in (
            ('a role that is added to view', ask('aggregator', 'POST', RBAC + '/clusterroles', dict(role('spill', SECRETS, kind='ClusterRole'), metadata={'name': 'spill', 'labels': label})), NOT_HELD),
            ('a role that gathers others', ask('aggregator', 'POST', RBAC + '/clusterroles', role('gather', kind='ClusterRole', aggregationRule=every)), '403 ...must have cluster-admin privileges to use the aggregationRule'),
            ('a role that begins to gather', ask('aggregator', 'PATCH', RBAC + '/clusterroles/aggregator', {'aggregationRule': every}, content_type=MERGE), '403 '),
            ('more for system:basic-user', ask('aggregator', 'PATCH', RBAC + '/clusterroles/system:basic-user', {'rules': [SECRETS]}, content_type=MERGE), NOT_HELD),
            ('more for the gathered view', ask('aggregator', 'PATCH', RBAC + '/clusterroles/view', {'rules': [SECRETS]}, content_type=MERGE), '403 '),
            ('a path not held', ask('aggregator', 'POST', RBAC + '/clusterroles', role('paths', {'nonResourceURLs': ['/metrics'], 'verbs': ['get']}, kind='ClusterRole')), NOT_HELD),
            ('a label for cluster-admin', ask('aggregator', 'PATCH', RBAC + '/clusterroles/cluster-admin', {'metadata': {'labels': {'a': 'b'}}}, content_type=MERGE), NOT_HELD)):
        cases('makes a cluster role: ' + name, expected, answer)
    site.cluster_role('escalator', (V1[:-3], 'roles', 'create,escalate'), bind='escalator', space=SPACE)
    cases('makes a role: control, with the verb escalate', '201 Role', ask('escalator', 'POST', ROLES, role('escalated', SECRETS)))


def bindings(site, cases):
    ask = site.ask
    site.cluster_role('binder', (V1[:-3], 'rolebindings', 'create,update,patch'), (V1[:-3], 'clusterroles', 'bind', 'view'), bind='binder', space=SPACE)
    site.admin('POST', ROLES, role('reads-secrets', SECRETS))
    site.admin('POST', BINDINGS, binding('bound', 'roler-menu'))
    for name, who, method, path, body, expected in (
            ('to cluster-admin', 'roler', 'POST', BINDINGS, binding('b1', 'cluster-admin'), NOT_HELD), ('to a role that reads secrets', 'roler', 'POST', BINDINGS, binding('b2', 'reads-secrets', to_kind='Role'), NOT_HELD),
            ('to system:masters\' role, in a group', 'roler', 'POST', BINDINGS, dict(binding('b3', 'cluster-admin'), subjects=[{'kind': 'Group', 'name': 'system:authenticated', 'apiGroup': V1[:-3]}]), NOT_HELD),
            ('to a role that is not there yet', 'roler', 'POST', BINDINGS, binding('b4', 'later'), '404 '), ('to another kind', 'roler', 'POST', BINDINGS, binding('b5', 'x', to_kind='Secret'), '500 '),
            ('without leaving a trace', 'roler', 'POST', BINDINGS + '?dryRun=All', binding('b6', 'cluster-admin'), NOT_HELD), ('control: to what one has', 'roler', 'POST', BINDINGS, binding('b7', 'roler-menu'), '201 RoleBinding'),
            ('that turns to another role', 'roler', 'PUT', BINDINGS + '/bound', binding('bound', 'cluster-admin'), '4'), ('to a cluster role for the cluster', 'roler', 'POST', RBAC + '/clusterrolebindings', binding('b8', 'roler-menu', kind='ClusterRoleBinding'), '403 '),
            ('for the cluster, by who may make such', 'aggregator', 'POST', RBAC + '/clusterrolebindings', binding('b9', 'cluster-admin', kind='ClusterRoleBinding'), NOT_HELD),
            ('of who may bind view, to cluster-admin', 'binder', 'POST', BINDINGS, binding('b10', 'cluster-admin'), NOT_HELD), ('control: of who may bind view, to view', 'binder', 'POST', BINDINGS, binding('b11', 'view'), '201 RoleBinding'),
            ('by an apply', 'roler', 'PATCH', BINDINGS + '/b12?fieldManager=x', binding('b12', 'cluster-admin'), NOT_HELD), ('elsewhere', 'roler', 'POST', BINDINGS.replace(SPACE, 'other'), binding('b13', 'roler-menu'), '403 ')):
        cases('makes a binding ' + name, expected, ask(who, method, path, body, content_type=APPLY if method == 'PATCH' else 'application/json'))
    patched = ask('aggregator', 'PATCH', RBAC + '/clusterrolebindings/cluster-admin', {'subjects': [{'kind': 'User', 'name': 'aggregator', 'apiGroup': V1[:-3]}]}, content_type=MERGE)
    cases('makes a binding that is there its own', NOT_HELD, patched)
    # Names of system: are nobody's special ones without the certificate or token that says so.
    cases('control: it has not worked', '403 ', ask('roler', 'GET', '/api/v1/namespaces/%s/secrets/vault' % SPACE))
    cases('control: nor for the other', '403 ', ask('aggregator', 'GET', '/api/v1/namespaces/%s/secrets/vault' % SPACE))


def tokens(site, cases):
    base = '/api/v1/namespaces/%s/serviceaccounts' % SPACE
    body = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {}}
    robot = site.admin('POST', base + '/robot/token', body)['status']['token']
    for name, answer, expected in (
            ('of an account it may change', site.ask('dev', 'POST', base + '/robot/token', body), '403 serviceaccounts "robot" is forbidden: User "dev" cannot create resource "serviceaccounts/token" in API group "" in the namespace "shop"'),
            ('by an update', site.ask('dev', 'PUT', base + '/robot/token', body), '403 '), ('of itself, by an account', site.ask(None, 'POST', base + '/robot/token', body, token=robot), '403 '),
            ('of another, by an account', site.ask(None, 'POST', base + '/butler/token', body, token=robot), '403 '), ('of the system\'s', site.ask('dev', 'POST', '/api/v1/namespaces/kube-system/serviceaccounts/x/token', body), '403 '),
            ('in a secret for it', site.ask('dev', 'POST', '/api/v1/namespaces/%s/secrets' % SPACE, {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'x', 'annotations': {'kubernetes.io/service-account.name': 'robot'}},
                                                                                                      'type': 'kubernetes.io/service-account-token'}), '403 '),
            ('reviewed by who may not', site.ask('dev', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenReview', 'spec': {'token': robot}}), '403 '),
            ('that an account is used with elsewhere', site.ask(None, 'GET', '/api/v1/namespaces/%s/secrets/vault' % SPACE, token=robot), '403 '),
            ('of an account with admin\'s group in its name', site.ask('dev', 'POST', base, {'apiVersion': 'v1', 'kind': 'ServiceAccount', 'metadata': {'name': 'system:masters'}}), '422 ')):
        cases('asks for a token ' + name, expected, answer)


def certificates(site, cases):
    api = '/apis/certificates.k8s.io/v1/certificatesigningrequests'
    site.cluster_role('signer', ('certificates.k8s.io', 'certificatesigningrequests', 'get,list,create,update,patch'), ('certificates.k8s.io', 'certificatesigningrequests/approval,certificatesigningrequests/status', 'update,patch'),
                      ('certificates.k8s.io', 'signers', 'approve,sign', 'example.org/*'), bind='signer')

    def request(name, subject, signer, usages=('digital signature', 'client auth'), **spec):
        site.certificate('csr-' + name, subject)
        text = base64.b64encode((site.folder / ('csr-%s.csr' % name)).read_bytes()).decode()
        return {'apiVersion': 'certificates.k8s.io/v1', 'kind': 'CertificateSigningRequest', 'metadata': {'name': name}, 'spec': dict({'request': text, 'signerName': signer, 'usages': list(usages)}, **spec)}
    client = 'kubernetes.io/kube-apiserver-client'
    for name, body, expected in (
            ('of system:masters', request('masters', '/O=system:masters/CN=me', client), '403 ...use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed'),
            ('of system:masters among others', request('masters2', '/O=a/O=system:masters/CN=me', client), '403 ...system:masters group is not allowed'),
            ('control: of a user', request('user', '/CN=me', client), '201 '), ('without a signer', request('none', '/CN=me', ''), '422 '), ('with a signer\'s name of tricks', request('trick', '/CN=me', 'kubernetes.io/../x'), '422 '),
            ('of a request that is none', dict(request('junk', '/CN=me', client), spec={'request': base64.b64encode(b'junk').decode(), 'signerName': client, 'usages': ['client auth']}), '422 '),
            ('for less than ten minutes', request('brief', '/CN=me', client, expirationSeconds=1), '422 ')):
        cases('asks for a certificate ' + name, expected, site.ask('signer', 'POST', api, body))
    forged = request('forged', '/CN=me', 'example.org/signer', username='root', groups=['system:masters'], uid='1')
    answer = site.ask('signer', 'POST', api, forged)
    answer.json = {'kind': '%s of %s' % (answer.json['spec'].get('username'), ','.join(answer.json['spec'].get('groups', [])))}
    cases('asks for a certificate in root\'s name', '201 signer of system:authenticated', answer)

    def approve(name, who='signer', sub='approval', **status):
        current = site.admin('GET', api + '/' + name)
        current['status'] = status or {'conditions': [{'type': 'Approved', 'status': 'True', 'reason': 'x', 'message': 'x'}]}
        return site.ask(who, 'PUT', api + '/%s%s' % (name, '/' + sub if sub else ''), current)
    pem = base64.b64encode((site.folder / 'admin.crt').read_bytes()).decode()
    site.admin('POST', api, request('kubelet', '/O=system:nodes/CN=system:node:node-a', 'kubernetes.io/kube-apiserver-client-kubelet'))
    site.admin('POST', api, request('masters3', '/O=system:masters/CN=x', 'example.org/signer'))
    for name, answer, expected in (
            ('approves for a signer of others', approve('user'), '403 certificatesigningrequests.certificates.k8s.io "user" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"'),
            ('approves for the kubelets\' signer', approve('kubelet'), '403 ...user not permitted to approve'), ('approves without any right', approve('user', 'eve'), '403 '),
            ('signs for a signer of others', approve('user', sub='status', certificate=pem), '403 ...user not permitted to sign requests with signerName'),
            ('control: approves for its own', approve('forged'), '200 ')):
        cases(name, expected, answer)
    silent = approve('user', sub='')
    silent.json = {'kind': 'with %s' % (silent.json.get('status') or 'no status') if silent.status == 200 else silent.said}
    cases('approves in passing, by an update', '200 with no status', silent)
    changed = site.admin('GET', api + '/forged')
    changed['spec']['request'] = request('other', '/O=system:masters/CN=x', client)['spec']['request']
    answer = site.ask('signer', 'PUT', api + '/forged', changed)
    kept = site.admin('GET', api + '/forged')['spec']['request'] != changed['spec']['request']
    answer.json = {'kind': 'kept' if kept else 'changed'} if answer.status == 200 else answer.json
    cases('changes the request after its approval', '200 kept', answer)
