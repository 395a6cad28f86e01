"""Servers that the tests and the benchmark start for themselves: ours, and the real kube-apiserver with etcd. Every server lives in a folder of its
own, listens on free ports of 127.0.0.1 and ends with the test. Also a small HTTPS client that speaks JSON."""
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from patience import PATIENCE

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEFAULT_BINARY = ROOT / 'build' / 'dev' / 'src' / 'cmd' / 'sampan'


class Failed(Exception):
    """A server did not start, or ended when it should not."""


def take_program(words, usage):
    """The program under test: the first of the command line's words, which it takes, or the one that `make` builds. Ends the test where there is none."""
    if words and words[0] in ('-h', '--help'):
        print(usage)
        sys.exit(0)
    program = words.pop(0) if words else DEFAULT_BINARY
    if not os.path.isfile(program) or not os.access(program, os.X_OK):
        print('%s: there is no program %s' % (pathlib.Path(sys.argv[0]).name, program), file=sys.stderr)
        sys.exit(2)
    return program


_given = set()


def free_port():
    """A port that nobody listens on, below the range from which the kernel gives outgoing connections theirs."""
    for port in range(20000 + os.getpid() % 5000, 32000):
        if port in _given:
            continue
        with socket.socket() as s:
            try:
                s.bind(('127.0.0.1', port))
            except OSError:
                continue
        _given.add(port)
        return port
    raise Failed('no free port')


class Client:
    """One HTTP/1.1 connection with a client certificate; JSON in, (status, JSON) out. Not for use by two threads at once."""

    def __init__(self, port, cert, key, ca=None, timeout=30, host='127.0.0.1'):
        self.host, self.port, self.timeout, self.connection = host, port, timeout * PATIENCE, None
        self.context = ssl.create_default_context(cafile=str(ca)) if ca else ssl._create_unverified_context()
        self.context.load_cert_chain(str(cert), str(key))

    def open(self):
        return http.client.HTTPSConnection(self.host, self.port, context=self.context, timeout=self.timeout)

    def raw(self, method, path, body=None, headers=None, content_type='application/json'):
        """(status, bytes, headers). Raises OSError or HTTPException when the connection breaks; the caller decides whether to try again."""
        if self.connection is None:
            self.connection = self.open()
        sent = dict(headers or {})
        if body is not None:
            body = body if isinstance(body, (bytes, str)) else json.dumps(body, separators=(',', ':'))    # as clients write it: opaque fields keep their bytes
            sent.setdefault('Content-Type', content_type)
        try:
            self.connection.request(method, path, body, sent)
            response = self.connection.getresponse()
            return response.status, response.read(), response.headers
        except BaseException:
            self.close()
            raise

    def call(self, method, path, body=None, **more):
        status, data, _ = self.raw(method, path, body, **more)
        try:
            return status, json.loads(data) if data else None
        except ValueError:
            return status, data.decode(errors='replace')

    def watch(self, path):
        """Yields the events of a watch; ends when the connection does."""
        connection = self.open()
        try:
            connection.request('GET', path)
            response = connection.getresponse()
            if response.status != 200:
                yield {'type': 'ERROR', 'object': {'code': response.status, 'message': response.read().decode(errors='replace')}}
                return
            while True:
                line = response.readline()
                if not line:
                    return
                yield json.loads(line)
        finally:
            connection.close()

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Process:
    """A program with a log, ended by its pid."""

    def __init__(self, name, command, log, env=None):
        self.name, self.log = name, pathlib.Path(log)
        with open(self.log, 'ab') as out:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                            env=env, start_new_session=True)

    @property
    def pid(self):
        return self.process.pid

    def alive(self):
        return self.process.poll() is None

    def tail(self, count=2000):
        return self.log.read_text(errors='replace')[-count:]

    def kill(self):
        if self.alive():
            self.process.kill()
        self.process.wait(20)

    def stop(self, within=15):
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(within * PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(20)
                raise Failed('%s did not end within %d s of SIGTERM' % (self.name, within * PATIENCE))
        return self.process.returncode

    def resident_mb(self):
        for line in open('/proc/%d/status' % self.pid):
            if line.startswith('VmRSS'):
                return int(line.split()[1]) / 1024
        return 0.0


class Server:
    """What ours and the real one have in common: a folder, a port, an administrator's certificate."""
    cert = key = ca = None
    main = None

    def __init__(self, folder=None, port=None):
        self.own = folder is None
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix='sampan-test-'))
        self.port = port or free_port()

    def client(self, timeout=30):
        return Client(self.port, self.cert, self.key, self.ca, timeout)

    def wait_ready(self, within=60, pause=0.01):
        end = time.monotonic() + within * PATIENCE
        while time.monotonic() < end:
            if not self.main.alive():
                raise Failed('%s ended at start with %s: %s' % (self.main.name, self.main.process.returncode, self.main.tail()))
            try:
                if self.cert.exists():
                    client = self.client(timeout=5)
                    status = client.raw('GET', '/readyz')[0]
                    client.close()
                    if status == 200:
                        return self
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(pause)
        raise Failed('%s was not ready within %d s: %s' % (self.main.name, within * PATIENCE, self.main.tail()))

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        try:
            self.stop()
        finally:
            if self.own:
                shutil.rmtree(self.folder, ignore_errors=True)


class Sampan(Server):
    def __init__(self, binary=DEFAULT_BINARY, flags=(), etcd=None, **more):
        super().__init__(**more)
        self.binary, self.flags = binary, list(flags) + (['--etcd-servers=' + etcd] if etcd else [])
        self.cert, self.key = self.folder / 'admin.crt', self.folder / 'admin.key'
        self.ca, self.kubeconfig = self.folder / 'ca.crt', self.folder / 'admin.kubeconfig'

    def launch(self):
        self.main = Process('sampan', [self.binary, 'apiserver', '--data-dir=%s' % self.folder, '--secure-port=%d' % self.port,
                                       '--bind-address=127.0.0.1', '--allow-privileged'] + self.flags, self.folder / 'log')

    def start(self, within=60):
        self.launch()
        return self.wait_ready(within)

    def kill(self):
        self.main.kill()

    def stop(self):
        if self.main:
            self.main.stop()

    def resident_mb(self):
        return self.main.resident_mb()


class Etcd:
    def __init__(self, binary, folder):
        self.folder, self.binary = pathlib.Path(folder), binary
        self.port, self.peer, self.process = free_port(), free_port(), None
        self.url = 'http://127.0.0.1:%d' % self.port

    def start(self):
        peer = 'http://127.0.0.1:%d' % self.peer
        self.process = Process('etcd', [self.binary, '--data-dir', self.folder / 'etcd', '--listen-client-urls', self.url, '--advertise-client-urls', self.url,
                                        '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', 'default=' + peer],
                               self.folder / 'etcd.log')
        end = time.monotonic() + 30
        while time.monotonic() < end and self.process.alive():
            try:
                connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=2)
                connection.request('GET', '/health')
                if b'true' in connection.getresponse().read():
                    return self
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            time.sleep(0.05)
        raise Failed('etcd did not become healthy: ' + self.process.tail())

    def stop(self):
        if self.process:
            self.process.stop()


def openssl(folder, *arguments):
    done = subprocess.run(['openssl'] + [str(a) for a in arguments], cwd=folder, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Failed('openssl %s: %s' % (arguments[0], done.stderr))


def make_keys(folder):
    """An authority, a server certificate for 127.0.0.1, an administrator's and a key for service accounts' tokens."""
    curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    openssl(folder, 'req', '-x509', *curve, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '30', '-subj', '/CN=test-ca')
    for name, subject, extension in (('server', '/CN=kube-apiserver', 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n'),
                                     ('admin', '/O=system:masters/CN=kubernetes-admin', 'extendedKeyUsage=clientAuth\n')):
        (folder / (name + '.ext')).write_text(extension)
        openssl(folder, 'req', '-new', *curve, '-keyout', name + '.key', '-out', name + '.csr', '-subj', subject)
        openssl(folder, 'x509', '-req', '-in', name + '.csr', '-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '30',
                '-extfile', name + '.ext', '-out', name + '.crt')
    openssl(folder, 'genrsa', '-out', 'tokens.key', '2048')


class KubeApiserver(Server):
    """The real one. With `etcd` it uses that one; otherwise it brings its own, of the binary `etcd_binary`."""

    def __init__(self, binary, etcd=None, etcd_binary=None, flags=(), **more):
        super().__init__(**more)
        self.binary, self.flags, self.shared_etcd = binary, list(flags), etcd
        self.etcd = etcd or Etcd(etcd_binary, self.folder)
        self.cert, self.key, self.ca = self.folder / 'admin.crt', self.folder / 'admin.key', self.folder / 'ca.crt'
        make_keys(self.folder)

    def launch(self):
        self.main = Process('kube-apiserver', [
            self.binary, '--etcd-servers=' + self.etcd.url, '--secure-port=%d' % self.port, '--bind-address=127.0.0.1', '--advertise-address=127.0.0.1',
            '--cert-dir=%s' % self.folder, '--tls-cert-file=%s/server.crt' % self.folder, '--tls-private-key-file=%s/server.key' % self.folder,
            '--client-ca-file=%s' % self.ca, '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
            '--service-account-key-file=%s/tokens.key' % self.folder, '--service-account-signing-key-file=%s/tokens.key' % self.folder,
            '--service-cluster-ip-range=10.96.0.0/16', '--enable-admission-plugins=NodeRestriction', '--allow-privileged=true',
            '--endpoint-reconciler-type=none'] + self.authorization() + self.flags, self.folder / 'log')

    def authorization(self):
        return [] if any(flag.startswith('--authorization-config') for flag in self.flags) else ['--authorization-mode=Node,RBAC']

    def start(self, within=120):
        if not self.shared_etcd:
            self.etcd.start()
        self.launch()
        return self.wait_ready(within)

    def stop(self):
        try:
            if self.main:
                self.main.stop(30)
        except Failed:
            pass    # it waits for its watches; it has been killed by now
        finally:
            if not self.shared_etcd:
                self.etcd.stop()

    def resident_mb(self):
        return self.main.resident_mb() + self.etcd.process.resident_mb()
