"""The place that the attacks of test/break-in happen at: one API server with authorities, keys and users of its own, and ways to ask it that let
everything through that clients' libraries refuse to send."""
import base64
import hashlib
import hmac
import json
import pathlib
import re
import socket
import ssl
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'support'))
import servers  # noqa: E402

ISSUER = 'https://kubernetes.default.svc.cluster.local'
HIDDEN = 'c2VjcmV0LW9mLXRoZS1ob3VzZQ'    # in every secret that is made here; nobody but the administrator may ever see it
SPACE = 'shop'
NODES = ('node-a', 'node-b')
USERS = {    # static tokens: name -> groups. What each may do is said by the attacks that use it.
    'root': ('system:masters',), 'eve': (), 'walker': (), 'roler': (), 'binder': (), 'aggregator': (), 'medium': (), 'signer': (), 'dev': (), 'watcher': (),
    'escalator': (), 'system:node:node-a': ('system:nodes',), 'system:node:node-b': ('system:nodes',), 'system:node:': ('system:nodes',),
    'system:node:node-c': (), 'lodger': ('system:nodes',),
}
AUDIT = {'apiVersion': 'audit.k8s.io/v1', 'kind': 'Policy', 'rules': [{'level': 'Metadata', 'resources': [
    {'group': '', 'resources': ['secrets', 'configmaps', 'serviceaccounts/token']}, {'group': 'authentication.k8s.io'}]}, {'level': 'RequestResponse'}]}


def token_of(user):
    return 'static-%s-key' % hashlib.sha256(user.encode()).hexdigest()[:20]


class Answer:
    """What came back: a status (0 where there was none), the message of a Status or the text, and whether the connection was left open."""

    def __init__(self, status, text='', headers='', closed=False):
        self.status, self.text, self.headers, self.closed = status, text, headers, closed
        try:
            self.json = json.loads(text)
        except ValueError:
            self.json = None

    @property
    def said(self):
        body = self.json
        if isinstance(body, dict):
            if body.get('kind') == 'Status':
                return body.get('message', body.get('reason', ''))
            if body.get('kind') == 'SelfSubjectReview':
                user = body['status']['userInfo']
                return '%s of %s' % (user.get('username'), ','.join(sorted(user.get('groups', []))))
            return body.get('kind', '')
        return self.text.strip()

    def __str__(self):
        return ('%d %s' % (self.status, self.said)) if self.status else 'closed' + (' ' + self.text if self.text else '')


def parse(data):
    """The answers in these bytes, one after another."""
    answers = []
    while data:
        head, separator, rest = data.partition(b'\r\n\r\n')
        match = re.match(rb'HTTP/1\.[01] (\d+)', head)
        if not separator or not match:
            break
        status = int(match.group(1))
        length = re.search(rb'\r\ncontent-length: *(\d+)', head, re.I)
        body = b''
        if re.search(rb'\r\ntransfer-encoding: *chunked', head, re.I):
            while True:
                size, _, rest = rest.partition(b'\r\n')
                count = int(size.split(b';')[0] or b'0', 16)
                body, rest = body + rest[:count], rest[count + 2:]
                if not count or not rest:
                    break
        elif length:
            body, rest = rest[:int(length.group(1))], rest[int(length.group(1)):]
        elif status >= 200 and status not in (204, 304):
            body, rest = rest, b''
        if status != 100:
            answers.append(Answer(status, body.decode(errors='replace'), head.decode(errors='replace')))
        data = rest
    return answers


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b'=').decode()


class Site:
    def __init__(self, server, flags):
        self.server, self.real, self.seen = server, isinstance(server, servers.KubeApiserver), []
        self.folder = folder = server.folder
        if not self.real:
            servers.make_keys(folder)
            server.flags += ['--client-ca-file=%s' % server.ca, '--tls-cert-file=%s/server.crt' % folder, '--tls-private-key-file=%s/server.key' % folder,
                             '--service-account-issuer=' + ISSUER, '--service-account-key-file=%s/tokens.key' % folder, '--service-account-signing-key-file=%s/tokens.key' % folder,
                             '--service-cluster-ip-range=10.96.0.0/16', '--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs']
        else:
            server.flags += ['--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs']
        self.authority('proxy-ca')
        self.authority('stranger-ca')
        self.certificate('front-proxy', '/CN=front-proxy', by='proxy-ca')
        self.certificate('kubelet-client', '/O=system:masters/CN=apiserver')
        servers.openssl(folder, 'rsa', '-in', 'tokens.key', '-pubout', '-out', 'tokens.pub')
        (folder / 'tokens.csv').write_text(''.join('%s,%s,uid-%d%s\n' % (token_of(u), u, i, ',"%s"' % ','.join(g) if g else '') for i, (u, g) in enumerate(USERS.items())))
        (folder / 'audit.json').write_text(json.dumps(AUDIT))
        server.flags += ['--token-auth-file=%s/tokens.csv' % folder, '--enable-bootstrap-token-auth', '--requestheader-client-ca-file=%s/proxy-ca.crt' % folder,
                         '--requestheader-allowed-names=front-proxy', '--requestheader-username-headers=X-Remote-User', '--requestheader-uid-headers=X-Remote-Uid',
                         '--requestheader-group-headers=X-Remote-Group', '--requestheader-extra-headers-prefix=X-Remote-Extra-',
                         '--kubelet-preferred-address-types=InternalIP,Hostname', '--kubelet-client-certificate=%s/kubelet-client.crt' % folder, '--kubelet-client-key=%s/kubelet-client.key' % folder,
                         '--audit-policy-file=%s/audit.json' % folder, '--audit-log-path=%s/audit.log' % folder, '--v=4'] + flags

    # --- keys

    def authority(self, name):
        servers.openssl(self.folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', name + '.key', '-out', name + '.crt',
                        '-days', '30', '-subj', '/CN=' + name)

    def certificate(self, name, subject, by='ca', use='clientAuth', days=30, start=None):
        """A certificate NAME.crt with its key; `start` in the form of YYYYMMDDHHMMSSZ makes it begin then."""
        folder = self.folder
        servers.openssl(folder, 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', name + '.key', '-out', name + '.csr', '-subj', subject)
        (folder / (name + '.ext')).write_text('extendedKeyUsage=%s\n' % use)
        if start is None:
            servers.openssl(folder, 'x509', '-req', '-in', name + '.csr', '-CA', by + '.crt', '-CAkey', by + '.key', '-CAcreateserial', '-days', str(days),
                            '-extfile', name + '.ext', '-out', name + '.crt')
            return name
        (folder / 'index.txt').write_text('')
        (folder / 'ca.cnf').write_text('[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\ndefault_md=sha256\nrand_serial=yes\npolicy=p\n[p]\ncommonName=supplied\norganizationName=optional\n')
        servers.openssl(folder, 'ca', '-batch', '-config', 'ca.cnf', '-in', name + '.csr', '-cert', by + '.crt', '-keyfile', by + '.key', '-startdate', start,
                        '-enddate', '20991231000000Z', '-extfile', name + '.ext', '-out', name + '.crt', '-notext')
        return name

    def context(self, cert=None, alpn=None):
        context = ssl._create_unverified_context()
        if cert:
            context.load_cert_chain(str(self.folder / (cert + '.crt')), str(self.folder / (cert + '.key')))
        if alpn:
            context.set_alpn_protocols([alpn])
        return context

    # --- tokens

    def signed(self, claims, header=None, key='tokens.key', digest='sha256'):
        head = dict({'alg': 'RS256', 'typ': 'JWT'}, **(header or {}))
        text = b64(json.dumps(head).encode()) + '.' + b64(claims if isinstance(claims, bytes) else json.dumps(claims).encode())
        (self.folder / 'to-sign').write_text(text)
        servers.openssl(self.folder, 'dgst', '-' + digest, '-sign', key, '-out', 'signature', 'to-sign')
        return text + '.' + b64((self.folder / 'signature').read_bytes())

    def hashed(self, claims, key, header=None):
        text = b64(json.dumps(dict({'alg': 'HS256', 'typ': 'JWT'}, **(header or {}))).encode()) + '.' + b64(json.dumps(claims).encode())
        return text + '.' + b64(hmac.new(key, text.encode(), hashlib.sha256).digest())

    # --- asking

    def connect(self, cert=None, alpn=None, timeout=20):
        return self.context(cert, alpn).wrap_socket(socket.create_connection(('127.0.0.1', self.server.port), timeout=timeout), server_hostname='localhost')

    def send(self, data, cert=None, timeout=20, half_close=False):
        """Sends these bytes; all answers until the server closes, or has said nothing for a moment after the last one."""
        try:
            connection = self.connect(cert, timeout=timeout)
        except (OSError, ssl.SSLError) as e:
            return [Answer(0, type(e).__name__, closed=True)]
        got, closed, failure = b'', False, ''
        try:
            try:
                connection.sendall(data)
            except OSError:
                pass    # it has answered before it read everything; the answer is what counts
            while True:
                connection.settimeout(timeout if not parse(got) else 0.6)
                try:
                    part = connection.recv(1 << 16)
                except TimeoutError:
                    break
                except OSError as e:
                    closed, failure = True, type(e).__name__
                    break
                if not part:
                    closed = True
                    break
                got += part
        finally:
            connection.close()
        answers = parse(got) or [Answer(0, '' if closed else 'no answer')]
        for answer in answers:
            answer.closed = closed
            self.seen.append(answer.text)
        return answers

    def ask(self, who, method, path, body=None, headers=(), cert=None, content_type='application/json', token=None):
        """One request on a connection of its own. `who` is a user of USERS, or None; a token or a certificate may stand for it."""
        lines = ['%s %s HTTP/1.1' % (method, path), 'Host: localhost', 'Connection: close', 'User-Agent: break-in']
        token = token if token is not None else token_of(who) if who else None
        if token is not None:
            lines.append('Authorization: Bearer ' + token)
        if body is not None:
            body = body if isinstance(body, (str, bytes)) else json.dumps(body)
            body = body.encode() if isinstance(body, str) else body
            lines += ['Content-Type: ' + content_type, 'Content-Length: %d' % len(body)]
        lines += ['%s: %s' % pair for pair in headers]
        answer = self.send('\r\n'.join(lines).encode() + b'\r\n\r\n' + (body or b''), cert)[0]
        if who != 'root':
            assert HIDDEN not in answer.text, '%s %s showed what is hidden to %s' % (method, path, who or cert or 'somebody')
        return answer

    def who(self, token=None, headers=(), cert=None, who=None):
        """Who the server takes us for."""
        review = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'SelfSubjectReview'}
        return self.ask(who, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', review, headers, cert, token=token)

    def admin(self, method, path, body=None, **more):
        answer = self.ask('root', method, path, body, **more)
        if answer.status >= 300:
            raise servers.Failed('%s %s: %s' % (method, path, answer))
        return answer.json

    def make(self, path, kind, name, version='v1', **fields):
        return self.admin('POST', path, dict({'apiVersion': version, 'kind': kind, 'metadata': dict({'name': name}, **fields.pop('metadata', {}))}, **fields))

    def cluster_role(self, name, *rules, bind=None, space=None):
        """A cluster role of rules (groups, resources, verbs[, names]) or (urls, verbs), bound to a user."""
        def rule(r):
            if r[0].startswith('/'):
                return {'nonResourceURLs': r[0].split(','), 'verbs': r[1].split(',')}
            spelled = {'apiGroups': [g.strip() for g in r[0].split(',')], 'resources': r[1].split(','), 'verbs': r[2].split(',')}
            return dict(spelled, resourceNames=r[3].split(',')) if len(r) > 3 else spelled
        rbac = '/apis/rbac.authorization.k8s.io/v1'
        self.make(rbac + '/clusterroles', 'ClusterRole', name, 'rbac.authorization.k8s.io/v1', rules=[rule(r) for r in rules])
        if bind:
            where, kind = (rbac + '/namespaces/%s/rolebindings' % space, 'RoleBinding') if space else (rbac + '/clusterrolebindings', 'ClusterRoleBinding')
            self.make(where, kind, name, 'rbac.authorization.k8s.io/v1', subjects=[{'kind': 'User', 'name': bind, 'apiGroup': 'rbac.authorization.k8s.io'}],
                      roleRef={'apiGroup': 'rbac.authorization.k8s.io', 'kind': 'ClusterRole', 'name': name})
            self.wait_allowed(bind, rule(rules[0]), space)

    def wait_allowed(self, user, rule, space):
        """The real server learns of roles by watching; so an attack must wait until its rights are there."""
        spec = {'user': user}
        if 'nonResourceURLs' in rule:
            spec['nonResourceAttributes'] = {'path': rule['nonResourceURLs'][0].replace('*', ''), 'verb': rule['verbs'][0].replace('*', 'get')}
        else:
            resource, _, sub = rule['resources'][0].partition('/')
            spec['resourceAttributes'] = {'group': rule['apiGroups'][0], 'resource': resource, 'subresource': sub, 'verb': rule['verbs'][0], 'namespace': space or '',
                                          'name': rule.get('resourceNames', [''])[0]}
        for _ in range(200):
            review = self.admin('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {'apiVersion': 'authorization.k8s.io/v1', 'kind': 'SubjectAccessReview', 'spec': spec})
            if review['status']['allowed']:
                return
            time.sleep(0.05)
        raise servers.Failed('%s never got its rights: %s' % (user, rule))

    def settle(self, done, within=10):
        """Asks until it is so: what the real server learns by watching."""
        end = time.monotonic() + within
        while True:
            answer = done()
            if answer or time.monotonic() > end:
                return answer
            time.sleep(0.05)

    def pod(self, name, node=None, space=SPACE, **spec):
        spec = dict({'containers': [{'name': 'main', 'image': 'example.org/a:1'}], 'serviceAccountName': 'robot', 'terminationGracePeriodSeconds': 0}, **spec)
        if node:
            spec['nodeName'] = node
        return {'apiVersion': 'v1', 'kind': 'Pod', 'metadata': {'name': name}, 'spec': spec}

    def furnish(self):
        """What the attacks find: a namespace, an account, two nodes and the pods of each with what they refer to."""
        self.make('/api/v1/namespaces', 'Namespace', SPACE)
        self.make('/api/v1/namespaces', 'Namespace', 'other')
        base = '/api/v1/namespaces/%s/' % SPACE
        for account in ('robot', 'butler', 'default'):
            self.make(base + 'serviceaccounts', 'ServiceAccount', account)
        self.make('/api/v1/namespaces/other/serviceaccounts', 'ServiceAccount', 'default')
        for path in (base, '/api/v1/namespaces/kube-system/'):
            self.make(path + 'secrets', 'Secret', 'vault', stringData={'key': 'x'}, data={'deep': base64.b64encode(HIDDEN.encode()).decode()}, metadata={'annotations': {'hidden': HIDDEN}})
            self.make(path + 'configmaps', 'ConfigMap', 'menu', data={'a': 'b'})
        for node in NODES:
            self.make('/api/v1/nodes', 'Node', node, metadata={'labels': {'kubernetes.io/hostname': node}})
            for kind, field in (('secrets', 'Secret'), ('configmaps', 'ConfigMap')):
                self.make(base + kind, field, 'of-' + node)
            self.make(base + 'persistentvolumeclaims', 'PersistentVolumeClaim', 'of-' + node,
                      spec={'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '1Gi'}}})
            volumes = [{'name': 's', 'secret': {'secretName': 'of-' + node}}, {'name': 'c', 'configMap': {'name': 'of-' + node}},
                       {'name': 'p', 'persistentVolumeClaim': {'claimName': 'of-' + node}}]
            self.admin('POST', base + 'pods', self.pod('on-' + node, node, volumes=volumes))
        self.cluster_role('dev', ('', 'serviceaccounts', 'get,list,create,update,patch'), ('', 'pods', 'get,create,update,patch'), ('', 'pods/ephemeralcontainers', 'patch,update'), ('', 'pods/log', 'get'),
                          bind='dev', space=SPACE)
