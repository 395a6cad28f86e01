"""A whole cluster of one node with real containers, for tests: `sampan up` with data of its own, in a network namespace of its own, so that it meets no other
cluster on the machine. Needs root, containerd, runc and iproute2; kubectl is $KUBECTL, or fetched as for test/clients."""
import base64
import ctypes
import fcntl
import http.client
import json
import os
import pathlib
import pty
import select
import shutil
import signal
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

from patience import PATIENCE

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
NODE_IP, OUTSIDE_IP = '198.51.100.2', '198.51.100.1'
CLONE_NEWNET = 0x40000000


class Failed(Exception):
    """Something is not as it must be."""


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, errors='replace', **more)


def must(*command, timeout=60, **more):
    """What it wrote; raises Failed where it did not succeed in time."""
    words = ' '.join(str(word) for word in command)[:300]
    try:
        done = run(*command, timeout=timeout * PATIENCE, **more)
    except subprocess.TimeoutExpired:
        raise Failed('%s: not done after %d s' % (words, timeout * PATIENCE))
    if done.returncode:
        raise Failed('%s: %s' % (words, (done.stdout + done.stderr).strip()[-3000:]))
    return done.stdout


def wait_for(what, there, within=60, pause=0.1):
    """Until there() gives something true, which is returned; an exception of the kind Failed counts as not yet."""
    within *= PATIENCE
    end, last = time.monotonic() + within, None
    while True:
        try:
            last = there()
            if last:
                return last
        except Failed as error:
            last = error
        if time.monotonic() > end:
            raise Failed('%s: not within %d s (last: %s)' % (what, within, last))
        time.sleep(pause)


def find_kubectl():
    if os.environ.get('KUBECTL'):
        return os.environ['KUBECTL']
    fetched = run(ROOT / 'test' / 'clients' / 'fetch-tools', timeout=400)
    found = fetched.stdout.strip() + '/kubectl' if fetched.returncode == 0 else shutil.which('kubectl')
    if not found:
        raise Failed('no kubectl: ' + fetched.stderr.strip())
    return found


class Network:
    """The namespace that this process and all it starts live in from now on, and another one outside of it, a link away."""

    def __init__(self):
        self.outside = subprocess.Popen(['unshare', '--net', 'sleep', 'infinity'], start_new_session=True)
        before = os.readlink('/proc/self/ns/net')
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            self.close()
            raise Failed('a network namespace cannot be made: ' + os.strerror(ctypes.get_errno()))
        wait_for('the namespace outside', lambda: os.readlink('/proc/%d/ns/net' % self.outside.pid) != before, 10)
        must('ip', 'link', 'set', 'lo', 'up')
        must('ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', self.outside.pid)
        for place, address in ((), NODE_IP), (self.prefix(), OUTSIDE_IP):
            must(*place, 'ip', 'address', 'add', address + '/24', 'dev', 'eth0')
            must(*place, 'ip', 'link', 'set', 'eth0', 'up')
        must('ip', 'route', 'add', 'default', 'via', OUTSIDE_IP)

    def prefix(self):
        """What makes a command run outside."""
        return 'nsenter', '--target', str(self.outside.pid), '--net'

    def close(self):
        self.outside.kill()
        self.outside.wait()


class Cluster:
    def __init__(self, binary, disk_mb=None):
        """With `disk_mb` its data is on a disk of that size, which can be filled."""
        if os.geteuid() != 0:
            raise Failed('root is needed')
        for tool in 'containerd', 'runc', 'ip', 'nsenter', 'unshare':
            if not shutil.which(tool):
                raise Failed('%s is missing' % tool)
        self.binary = pathlib.Path(binary).resolve()
        self.kubectl_program = find_kubectl()
        self.network = Network()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='sampan-'))
        self.disk_mb, self.data = disk_mb, self.folder / 'data'
        if disk_mb and not self.folder.is_mount():
            must('mount', '-t', 'tmpfs', '-o', 'size=%dm,mode=0711' % disk_mb, 'sampan-test', self.folder)
        self.kubeconfig = self.data / 'admin.kubeconfig'
        self.environment = dict(os.environ, KUBECONFIG=str(self.kubeconfig), HOME=str(self.folder), TERM='xterm')
        self._client = None

    def sampan(self, *words, timeout=180):
        return run(self.binary, *words, '--data-dir=%s' % self.data, timeout=timeout * PATIENCE)

    def up(self, *flags):
        done = self.sampan('up', *flags)
        if done.returncode:
            raise Failed('up: %s%s' % (done.stdout, done.stderr))
        self._client = None
        return done.stdout

    def down(self):
        done = self.sampan('down', '--purge')
        if done.returncode:
            raise Failed('down: %s%s' % (done.stdout, done.stderr))

    def close(self):
        """Takes everything away, whatever state it is in."""
        try:
            if self.data.exists():
                self.down()
        finally:
            self.network.close()
            if self.disk_mb:
                run('umount', self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)

    def server_pid(self):
        return int((self.data / 'run' / 'server.pid').read_text().split()[0])

    def containerd_pid(self):
        return int((self.data / 'run' / 'containerd.pid').read_text().split()[0])

    def command(self, *words):
        return [self.kubectl_program] + [str(word) for word in words]

    def start(self, *words, **more):
        return subprocess.Popen(self.command(*words), env=self.environment, text=True, errors='replace', **more)

    def try_kubectl(self, *words, stdin=None, timeout=90):
        return run(*self.command(*words), input=stdin, env=self.environment, timeout=timeout * PATIENCE)

    def kubectl(self, *words, **more):
        done = self.try_kubectl(*words, **more)
        if done.returncode:
            raise Failed('kubectl %s: %s%s' % (' '.join(str(word) for word in words), done.stdout, done.stderr))
        return done.stdout

    def apply(self, *manifests):
        return self.kubectl('apply', '-f', '-', stdin=json.dumps({'apiVersion': 'v1', 'kind': 'List', 'items': list(manifests)}))

    # The API without kubectl, for what is asked often.

    def connection(self, timeout=30):
        """(an HTTPS connection, nobody else's) with the administrator's certificate."""
        def part(name):
            for line in self.kubeconfig.read_text().splitlines():
                if line.strip().startswith(name + ':'):
                    return base64.b64decode(line.split(':', 1)[1].strip())
            raise Failed('the kubeconfig has no ' + name)
        paths = []
        for name in 'client-certificate-data', 'client-key-data':
            path = self.folder / name
            path.write_bytes(part(name))
            paths.append(str(path))
        context = ssl.create_default_context(cadata=part('certificate-authority-data').decode())
        context.load_cert_chain(*paths)
        server = [line for line in self.kubeconfig.read_text().splitlines() if 'server:' in line][0].split('//')[1].strip()
        host, port = server.rsplit(':', 1)
        return http.client.HTTPSConnection(host, int(port), context=context, timeout=timeout * PATIENCE)

    def call(self, method, path, body=None):
        """(status, JSON). Raises Failed where the server cannot be reached."""
        for last_try in False, True:
            try:
                if self._client is None:
                    self._client = self.connection()
                self._client.request(method, path, json.dumps(body) if body is not None else None, {'Content-Type': 'application/json'})
                response = self._client.getresponse()
                data = response.read()
                return response.status, json.loads(data) if data.startswith(b'{') else data.decode()
            except (OSError, http.client.HTTPException) as error:
                self._client = None
                if last_try:
                    raise Failed('the API server cannot be reached: %s' % error)

    def get(self, path):
        status, answer = self.call('GET', path)
        if status != 200:
            raise Failed('%s: %s' % (path, answer))
        return answer

    def pods(self, selector='', namespace='default'):
        """Those that are not on their way out."""
        found = self.get('/api/v1/namespaces/%s/pods?labelSelector=%s' % (namespace, selector.replace('=', '%3D')))['items']
        return [pod for pod in found if 'deletionTimestamp' not in pod['metadata']]

    def ready_pods(self, selector, count, within=60):
        def there():
            pods = self.pods(selector)
            return (pods,) if len(pods) == count and all(is_ready(pod) for pod in pods) else None
        return wait_for('%d ready pods of %s' % (count, selector), there, within)[0]

    def events(self, name, namespace='default'):
        """[(type, reason, message)] about what bears this name, oldest first."""
        items = self.get('/api/v1/namespaces/%s/events' % namespace)['items']
        return [(e['type'], e['reason'], e['message']) for e in items if e['involvedObject']['name'] == name]

    def tell_state(self):
        """What somebody who looks for the cause of a failure wants to see."""
        for words in ('get', 'pods,pvc,endpointslices', '-A', '-o', 'wide'), ('get', 'events', '-A', '--sort-by=.metadata.creationTimestamp'):
            try:
                print('\n'.join(self.try_kubectl(*words, timeout=20).stdout.splitlines()[-40:]), flush=True)
            except (Failed, OSError, subprocess.SubprocessError):
                pass
        log = self.data / 'sampan.log'
        if log.exists():
            print('\n'.join(log.read_text(errors='replace').splitlines()[-30:]), flush=True)


def is_ready(pod):
    return any(c['type'] == 'Ready' and c['status'] == 'True' for c in pod.get('status', {}).get('conditions', []))


def fetch(address, port=80, timeout=5):
    """The page that is there; raises Failed otherwise. A connection of its own, so that a service chooses anew."""
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    try:
        connection.request('GET', '/', headers={'Connection': 'close'})
        response = connection.getresponse()
        text = response.read().decode(errors='replace')
        if response.status != 200:
            raise Failed('%s:%d answered %d' % (address, port, response.status))
        return text.strip()
    except (OSError, http.client.HTTPException) as error:
        raise Failed('%s:%d: %s: %s' % (address, port, type(error).__name__, error))
    finally:
        connection.close()


class Load:
    """Asks for a page all the time, in some threads; what was answered and what failed is kept."""

    def __init__(self, places, threads=3):
        self.places, self.answers, self.failures = places, [], []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(i,), daemon=True) for i in range(threads)]

    def _ask(self, number):
        while not self._stop.is_set():
            try:
                self.answers.append(fetch(*self.places[number % len(self.places)]))
            except Failed as error:
                self.failures.append('%s after %d answers' % (error, len(self.answers)))
            time.sleep(0.005)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(20)


class Terminal:
    """A command on a pseudo terminal of its own, as a person has it."""

    def __init__(self, command, environment, rows=24, columns=80):
        self.master, slave = pty.openpty()
        self.size(rows, columns)

        def own_terminal():
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment, preexec_fn=own_terminal, close_fds=True)
        os.close(slave)
        self.seen = ''

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.size(rows, columns)
        self.process.send_signal(signal.SIGWINCH)

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, within=20):
        """Reads until the text has come; what has come with it is returned."""
        end = time.monotonic() + within * PATIENCE
        while text not in self.seen:
            readable = select.select([self.master], [], [], max(0, end - time.monotonic()))[0]
            try:
                data = os.read(self.master, 4096) if readable else b''
            except OSError:    # the other side is gone
                data = b''
            if not data:
                raise Failed('%r did not come; there was %r' % (text, self.seen[-500:]))
            self.seen += data.decode(errors='replace')
        until = self.seen.index(text) + len(text)
        seen, self.seen = self.seen[:until], self.seen[until:]
        return seen

    def end(self, within=30):
        """The exit code, once the command has ended by itself."""
        end = time.monotonic() + within * PATIENCE
        while self.process.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.master, 4096).decode(errors='replace')
                except OSError:
                    time.sleep(0.05)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
            raise Failed('the command did not end; there was %r' % self.seen[-500:])
        os.close(self.master)
        return self.process.returncode


class Steps:
    """Runs the steps of a test one by one on one cluster, a line each. The exit code is 0 where all passed."""

    def __init__(self, name):
        self.name, self.steps = name, []

    def step(self, what):
        def add(function):
            self.steps.append((what, function))
            return function
        return add

    def run(self, cluster, wanted=()):
        began = time.monotonic()
        try:
            for what, function in self.steps:
                if wanted and function.__name__ not in wanted:
                    continue
                step_began = time.monotonic()
                remark = function(cluster) or ''
                print('%s: %-58s %6.1f s  %s' % (self.name, what, time.monotonic() - step_began, remark), flush=True)
        except (Failed, subprocess.SubprocessError, OSError, ValueError, LookupError) as error:
            print('%s: %-58s FAILED\n  %s: %s' % (self.name, what, type(error).__name__, error), flush=True)
            cluster.tell_state()
            return 1
        print('%s: all passed in %.0f s' % (self.name, time.monotonic() - began), flush=True)
        return 0


def main(steps, usage, disk_mb=None):
    """Of a test that is made of steps: its command line, its cluster, its end."""
    if len(sys.argv) < 2 or not os.access(sys.argv[1], os.X_OK):
        print('usage: %s' % usage, file=sys.stderr)
        return 2
    try:
        cluster = Cluster(sys.argv[1], disk_mb)
    except Failed as error:
        print('%s: left out: %s' % (steps.name, error))
        return 0
    # An interrupted test takes its cluster away, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return steps.run(cluster, sys.argv[2:])
    except KeyboardInterrupt:
        return 130
    finally:
        if os.environ.get('KEEP'):
            print('kept: KUBECONFIG=%s nsenter --target %d --net' % (cluster.kubeconfig, cluster.server_pid()))
        else:
            cluster.close()
