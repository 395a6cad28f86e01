"""What lies behind the API server: kubelets and pods that lie, and users who would be led to them or past them."""
import socket
import ssl
import threading

from site_of_attacks import SPACE, b64, token_of

WEBSOCKET = [('Connection', 'Upgrade'), ('Upgrade', 'websocket'), ('Sec-WebSocket-Version', '13'), ('Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='), ('Sec-WebSocket-Protocol', 'v5.channel.k8s.io')]
SPDY = [('Connection', 'Upgrade'), ('Upgrade', 'SPDY/3.1'), ('X-Stream-Protocol-Version', 'v4.channel.k8s.io')]
MERGE = 'application/merge-patch+json'


class Liar(threading.Thread):
    """A kubelet that answers everything with `answer` and keeps what it was asked."""

    def __init__(self, site, host):
        super().__init__(daemon=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(str(site.folder / 'server.crt'), str(site.folder / 'server.key'))
        self.listener = socket.create_server((host, 0))
        self.port, self.answer, self.asked = self.listener.getsockname()[1], b'', []

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
                threading.Thread(target=self.serve, args=(connection,), daemon=True).start()
            except OSError:
                return

    def serve(self, connection):
        try:
            with self.context.wrap_socket(connection, server_side=True) as secure:
                secure.settimeout(3)
                data = b''
                while b'\r\n\r\n' not in data:
                    data += secure.recv(65536) or b'\r\n\r\n'
                secure.sendall(self.answer)
                heard = bytearray(data)
                self.asked.append(heard)
                while more := secure.recv(65536):
                    heard += more
        except (OSError, ssl.SSLError):
            pass


def own_address():
    """An address of this machine that is no loopback: only such may be proxied to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(('192.0.2.1', 9))
            return s.getsockname()[0]
        except OSError:
            return None


def attempt(site, cases):
    rights(site, cases)
    addresses(site, cases)
    host = own_address()
    if host and not host.startswith('127.'):
        lies(site, cases, host)
    paths(site, cases)


def rights(site, cases):
    pod = '/api/v1/namespaces/%s/pods/on-node-a/' % SPACE
    site.cluster_role('watcher', ('', 'pods,pods/exec,pods/attach,pods/portforward,pods/log,nodes,services', 'get,list'), bind='watcher')
    for name, who, method, path, headers, expected in (
            ('a command, without right', 'eve', 'POST', pod + 'exec?command=id&stdout=1', SPDY, '403 pods "on-node-a" is forbidden: User "eve" cannot create resource "pods/exec"'),
            ('a command by a GET, without right', 'eve', 'GET', pod + 'exec?command=id&stdout=1', WEBSOCKET, '403 pods "on-node-a" is forbidden: User "eve" cannot get resource "pods/exec"'),
            ('a command by a GET, with the right to get it', 'watcher', 'GET', pod + 'exec?command=id&stdout=1', WEBSOCKET, '403 ...User "watcher" cannot create resource "pods/exec"'),
            ('attaching by a GET, with the right to get it', 'watcher', 'GET', pod + 'attach?stdout=1', WEBSOCKET, '403 ...User "watcher" cannot create resource "pods/attach"'),
            ('a port by a GET, with the right to get it', 'watcher', 'GET', pod + 'portforward?ports=80', WEBSOCKET, '403 ...User "watcher" cannot create resource "pods/portforward"'),
            ('a command by SPDY and POST, with the right to get it', 'watcher', 'POST', pod + 'exec?command=id&stdout=1', SPDY, '403 ...User "watcher" cannot create resource "pods/exec"'),
            ('a command by nobody', None, 'GET', pod + 'exec?command=id', WEBSOCKET, '403 '), ('a command by a bad token in a subprotocol', None, 'GET', pod + 'exec?command=id&stdout=1',
                                                                                                   WEBSOCKET[:-1] + [('Sec-WebSocket-Protocol', 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.' + b64(b'x'))], '401 '),
            ('a pod\'s proxy', 'watcher', 'GET', pod + 'proxy/', [], '403 '), ('a node\'s proxy', 'watcher', 'GET', '/api/v1/nodes/node-a/proxy/pods', [], '403 '), ('a node\'s proxy, with a port', 'watcher', 'GET', '/api/v1/nodes/https:node-a:10250/proxy/pods', [], '403 '),
            ('a service\'s proxy', 'watcher', 'GET', '/api/v1/namespaces/%s/services/grab/proxy/' % SPACE, [], '403 '), ('a command by a node\'s proxy', 'watcher', 'POST', '/api/v1/nodes/node-a/proxy/run/%s/on-node-a/main' % SPACE, [], '403 ')):
        cases(name, expected, site.ask(who, method, path, None, headers), '403 ' if 'right to get it' in name else None)    # it does not say what is missing


def addresses(site, cases):
    """CVE-2020-8562, CVE-2022-3294: where a proxy may lead."""
    pods, nodes = '/api/v1/namespaces/%s/pods/' % SPACE, '/api/v1/nodes/'
    for address in ('127.0.0.1', '169.254.169.254', '0.0.0.0', '224.0.0.1', '::1', 'fe80::1', '::ffff:127.0.0.1', '255.255.255.255'):
        site.admin('PATCH', pods + 'on-node-a/status', {'status': {'podIP': address, 'podIPs': [{'ip': address}]}}, content_type=MERGE) if not address.startswith('::ffff') else None
        if not address.startswith('::ffff'):
            cases('the proxy of a pod at ' + address, '400 address not allowed', site.ask('root', 'GET', pods + 'on-node-a:80/proxy/latest/meta-data'))
        site.admin('PATCH', nodes + 'node-a/status', {'status': {'addresses': [{'type': 'InternalIP', 'address': address}]}}, content_type=MERGE)
        cases('the proxy of a node at ' + address, '400 address not allowed', site.ask('root', 'GET', nodes + 'node-a/proxy/metrics'))
    for name in ('localhost',):
        site.admin('PATCH', nodes + 'node-a/status', {'status': {'addresses': [{'type': 'Hostname', 'address': name}]}}, content_type=MERGE)
        cases('the proxy of a node by the name ' + name, '400 address not allowed', site.ask('root', 'GET', nodes + 'node-a/proxy/metrics'))
    site.make('/api/v1/namespaces/%s/services' % SPACE, 'Service', 'elsewhere', spec={'type': 'ExternalName', 'externalName': 'localhost'})
    cases('the proxy of a service that is a name', '503 ', site.ask('root', 'GET', '/api/v1/namespaces/%s/services/elsewhere:80/proxy/' % SPACE))


def lies(site, cases, host):
    liar = Liar(site, host)
    liar.start()
    site.admin('PATCH', '/api/v1/nodes/node-a/status', {'status': {'addresses': [{'type': 'InternalIP', 'address': host}], 'daemonEndpoints': {'kubeletEndpoint': {'Port': liar.port}}}}, content_type=MERGE)
    pod, node = '/api/v1/namespaces/%s/pods/on-node-a/' % SPACE, '/api/v1/nodes/node-a/proxy/'
    away = b'HTTP/1.1 302 Found\r\nLocation: https://%s:%d/run/kube-system/x\r\nContent-Length: 0\r\n\r\n' % (host.encode(), liar.port)
    second = b'GET /second HTTP/1.1\r\nHost: x\r\n\r\n'

    def through(path, headers, answer, method='GET'):
        liar.answer, liar.asked = answer, []    # a list of its own: what still runs of the last one is not counted
        token = 'Authorization: Bearer %s\r\n' % token_of('root')
        text = '%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s\r\n' % (method, path, token, ''.join('%s: %s\r\n' % h for h in headers))
        answers = site.send(text.encode() + second)
        return answers, sum(a.count(b'HTTP/1.1\r\n') for a in liar.asked)
    for name, path, headers, answer, method in (
            ('redirects a command (CVE-2020-8559)', pod + 'exec?command=id&stdout=1', SPDY, away, 'POST'), ('redirects a proxied upgrade', node + 'x', SPDY, away, 'GET'),
            ('refuses a command and keeps the connection (CVE-2018-1002105)', pod + 'exec?command=id&stdout=1', SPDY, b'HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno', 'POST'),
            ('refuses a proxied upgrade and keeps the connection', node + 'x', SPDY, b'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno', 'GET')):
        answers, requests = through(path, headers, answer, method)
        cases('a kubelet ' + name, 'the kubelet was asked 1 times, the user sent 101 0 times', 'the kubelet was asked %d times, the user sent 101 %d times' % (requests, sum(a.status == 101 for a in answers)))
    answers, requests = through(node + 'x', [], away)
    cases('a kubelet redirects a proxied request: it is not followed', 'asked 1 times', 'asked %d times' % requests)
    liar.answer, liar.asked = b'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', []
    site.ask('root', 'GET', node + 'x', None, [('X-Remote-User', 'mallory'), ('Cookie', 'a=b')])
    got = b''.join(liar.asked)
    cases('a kubelet gets the user\'s token', 'no', 'yes' if b'Bearer' in got else 'no')
    liar.listener.close()


def paths(site, cases):
    log = '/api/v1/namespaces/%s/pods/on-node-b/log?container=' % SPACE
    for container in ('../../../etc/passwd', '..%2f..%2fetc%2fpasswd', 'main/../../x', 'main%00', '%2e%2e'):
        cases('logs of the container ' + container, '400 container ... is not valid for pod on-node-b', site.ask('root', 'GET', log + container))
    for query in ('tailLines=-1', 'limitBytes=-5', 'sinceSeconds=-1', 'sinceSeconds=1&sinceTime=2020-01-01T00:00:00Z', 'tailLines=99999999999999999999'):
        cases('logs with ' + query, '4', site.ask('root', 'GET', log + 'main&' + query))
