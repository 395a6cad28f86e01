"""Requests that are two, that never end, or that are more than there is room for; and TLS that should not be spoken."""
import re
import socket
import ssl
import subprocess
import threading
import time
import warnings

from site_of_attacks import HIDDEN, SPACE, Answer, parse, token_of

INSIDE = 'GET /api/v1/namespaces/%s/secrets/vault HTTP/1.1\r\nHost: localhost\r\n\r\n' % SPACE
SLOW = {    # what is sent of a request, and then a byte every second
    'a head that never ends': b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ',
    'a body that never comes': b'POST /api HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\n\r\n' % token_of('eve').encode(),
    'a handshake that never ends': None,
}


def begin(site):
    """Slow clients are slow: they begin before everything else."""
    site.slow, site.slow_threads = {}, []

    def run(name, first):
        try:
            connection = socket.create_connection(('127.0.0.1', site.server.port), timeout=1) if first is None else site.connect(timeout=1)
            connection.sendall(b'\x16\x03\x01\x02\x00' if first is None else first)
            end = time.monotonic() + 50
            while time.monotonic() < end:
                try:
                    connection.sendall(b'x')
                    if not connection.recv(1 << 16):
                        break
                except TimeoutError:
                    continue
            else:
                site.slow[name] = 'still open'
                return
            site.slow[name] = 'closed'
        except OSError:
            site.slow[name] = 'closed'
    for name, first in SLOW.items():
        site.slow_threads.append(threading.Thread(target=run, args=(name, first), daemon=True))
        site.slow_threads[-1].start()


def told(answers):
    """The statuses of all answers, and whether the connection was closed."""
    return Answer(0) if not answers[0].status and answers[0].closed else ' '.join(str(a.status) for a in answers) + (', closed' if answers[-1].closed else '')


def attempt(site, cases):
    smuggling(site, cases)
    sizes(site, cases)
    handshakes(site, cases)
    for thread in site.slow_threads:
        thread.join()
    for name in SLOW:
        # A body that keeps coming may take its time, as with the real server: it holds nothing but its connection.
        cases('slow: ' + name, 'still open' if 'body' in name else 'closed', site.slow[name])


def smuggling(site, cases):
    root, eve = 'Authorization: Bearer %s\r\n' % token_of('root'), 'Authorization: Bearer %s\r\n' % token_of('eve')
    post = 'POST /api/v1/namespaces/x HTTP/1.1\r\nHost: localhost\r\n' + eve
    get = 'GET /version HTTP/1.1\r\nHost: localhost\r\n' + eve
    chunked = 'Transfer-Encoding: chunked\r\n'
    for name, text, expected, *theirs in (
            ('control: two requests, one behind the other', get + '\r\n' + get + 'Connection: close\r\n\r\n', '200 200, closed'),
            ('the second comes without the first\'s token', get.replace(eve, root) + '\r\n' + INSIDE, '200 403'),
            ('the second comes without the first\'s impersonation', get.replace(eve, root) + 'Impersonate-User: eve\r\n\r\n' + get.replace('/version', '/metrics').replace(eve, '') + '\r\n', '200 403'),
            ('length and chunks', post + 'Content-Length: 4\r\n' + chunked + '\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'),
            ('chunks and length', post + chunked + 'Content-Length: 4\r\n\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'),
            ('two lengths', post + 'Content-Length: 0\r\nContent-Length: %d\r\n\r\n' % len(INSIDE) + INSIDE, '400, closed'),
            ('two lengths in one', post + 'Content-Length: 0, %d\r\n\r\n' % len(INSIDE) + INSIDE, '400, closed'),
            ('a length with a sign', post + 'Content-Length: +%d\r\n\r\n' % len(INSIDE) + INSIDE, '400, closed'), ('a length below nothing', post + 'Content-Length: -1\r\n\r\n' + INSIDE, '400, closed'),
            ('a length in hexadecimal', post + 'Content-Length: 0x10\r\n\r\n' + INSIDE, '400, closed'), ('a length beyond all numbers', post + 'Content-Length: 18446744073709551617\r\n\r\n' + INSIDE, '400, closed'),
            ('an unknown encoding', post + 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n' + INSIDE, '501, closed'), ('two encodings', post + chunked + 'Transfer-Encoding: identity\r\n\r\n0\r\n\r\n' + INSIDE, '4...closed', '...'),
            ('two encodings in one', post + 'Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n' + INSIDE, '501, closed'), ('an encoding behind a tab', post + 'Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'),
            ('an encoding with a space before its colon', post + 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n' + INSIDE, '400, closed'), ('a folded field', post + 'X-A: b\r\n Content-Length: 100\r\n\r\n' + INSIDE, '400, closed', '...'),
            ('a folded encoding', post + 'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'), ('a bare line feed', 'GET /version HTTP/1.1\nHost: localhost\n\n', '400, closed', '...'),
            ('a bare line feed in a field', get + 'X-A: b\nContent-Length: 50\r\n\r\n' + INSIDE, '400, closed', '...'), ('a bare carriage return', get + 'X-A: b\rX-Remote-User: root\r\n\r\n', '400, closed'),
            ('a NUL in a field', get + 'X-A: b\0c\r\n\r\n', '400, closed'), ('a field without a name', get + ': a\r\n\r\n', '400, closed'), ('a field without a colon', get + 'abc\r\n\r\n', '400, closed'),
            ('chunks with extensions', post + chunked + 'Connection: close\r\n\r\n2;a=b\r\n{}\r\n0\r\n\r\n' + INSIDE, '403, closed'),
            ('a chunk\'s extension that hides a line', post + chunked + '\r\n2;a\nxx\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'), ('a chunk\'s extension without end', post + chunked + '\r\n2;' + 'a' * 70000, '400, closed', '...'),
            ('a chunk beyond all numbers', post + chunked + '\r\n10000000000000002\r\n{}\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'), ('a chunk below nothing', post + chunked + '\r\n-2\r\n{}\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'),
            ('a chunk that is longer than it says', post + chunked + '\r\n1\r\n{}\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'), ('trailers that are fields', post + chunked + 'Connection: close\r\n\r\n0\r\nAuthorization: Bearer %s\r\n\r\n' % token_of('root'), '403, closed'),
            ('a body that a GET brings', get + 'Content-Length: %d\r\nConnection: close\r\n\r\n' % len(INSIDE) + INSIDE, '200, closed'),
            ('a space more in the first line', 'GET  /version HTTP/1.1\r\nHost: localhost\r\n\r\n', '400, closed'), ('HTTP/0.9', 'GET /version\r\n\r\n', '...closed'), ('HTTP/1.2', 'GET /version HTTP/1.2\r\nHost: localhost\r\n\r\n', '...closed', '...'),
            ('HTTP/1.0 with chunks', post.replace('1.1', '1.0') + chunked + '\r\n0\r\n\r\n' + INSIDE, '400, closed', '...'), ('two hosts', 'GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', '400, closed'), ('no host', 'GET /version HTTP/1.1\r\n\r\n', '400, closed'),
            ('CONNECT', 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: localhost\r\n%s\r\n' % root, '...', '...'), ('an upgrade to HTTP/2 in the clear', get + 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n', '200'),
            ('an upgrade that nothing answers', get + 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n' + INSIDE, '200...', '...'),
            ('HTTP/2\'s preface without its ALPN', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' + '\0' * 30, '...closed', '...'), ('an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', '400, closed')):
        answers = site.send(text.encode('latin-1'))
        for answer in answers:
            assert HIDDEN not in answer.text, name
        cases('HTTP/1.1: ' + name, expected, told(answers), theirs[0] if theirs else None)


def sizes(site, cases):
    get, end = 'GET /version HTTP/1.1\r\nHost: localhost\r\n', '\r\n'
    eve = 'Authorization: Bearer %s\r\n' % token_of('eve')
    post = 'POST /api/v1/namespaces/%s/configmaps HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n' % (SPACE, token_of('root'))
    for name, text, expected, *theirs in (
            ('a field of 2 MiB', get + 'X-A: ' + 'a' * (2 << 20) + '\r\n' + end, '431, closed'), ('a URL of 2 MiB', 'GET /' + 'a' * (2 << 20) + ' HTTP/1.1\r\nHost: localhost\r\n' + end, '431, closed'),
            ('a hundred thousand fields', get + 'a: b\r\n' * 400000 + end, '431, closed'), ('a name of a field of 2 MiB', get + 'a' * (2 << 20) + ': b\r\n' + end, '431, closed'),
            ('a body that says it has 10 GiB', post + 'Content-Length: 10737418240\r\n\r\n{', '413...', '...'),
            ('a body of 4 MiB', post + 'Content-Length: %d\r\nConnection: close\r\n\r\n' % (4 << 20) + '{"a":"' + 'a' * ((4 << 20) - 8) + '"}', '413...'),
            ('a body of 4 MiB in chunks', post + 'Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n' + ('10000\r\n' + 'a' * 65536 + '\r\n') * 64 + '0\r\n\r\n', '413...'),
            ('a query of 900 KiB', 'GET /version?' + 'a=b&' * 230000 + ' HTTP/1.1\r\nHost: localhost\r\n' + eve + 'Connection: close\r\n' + end, '200, closed')):
        cases('size: ' + name, expected, told(site.send(text.encode())), theirs[0] if theirs else None)


def shake(site, change, cert=None):
    """What a handshake comes to."""
    context = site.context(cert)
    try:
        change(context)
        with context.wrap_socket(socket.create_connection(('127.0.0.1', site.server.port), timeout=20), server_hostname='localhost') as connection:
            return connection.version()
    except ssl.SSLError as e:
        return 'refused' if e.reason and ('ALERT' in e.reason or 'EOF' in e.reason) else 'refused: %s' % e.reason
    except OSError as e:
        return 'refused: %s' % type(e).__name__


def versions(low, ciphers='ALL:@SECLEVEL=0'):
    def change(context):
        context.minimum_version, context.maximum_version = low, low
        context.set_ciphers(ciphers)
    return change


def handshakes(site, cases):
    warnings.simplefilter('ignore', DeprecationWarning)
    old = ssl.TLSVersion
    for name, change, expected in (
            ('1.0', versions(old.TLSv1), 'refused'), ('1.1', versions(old.TLSv1_1), 'refused'), ('1.2', versions(old.TLSv1_2, 'DEFAULT'), 'TLSv1.2'), ('1.3', versions(old.TLSv1_3), 'TLSv1.3'),
            ('1.2 with plain RSA', versions(old.TLSv1_2, 'kRSA:@SECLEVEL=0'), 'refused'), ('1.2 without encryption', versions(old.TLSv1_2, 'eNULL:@SECLEVEL=0'), 'refused'), ('1.2 without authentication', versions(old.TLSv1_2, 'aNULL:@SECLEVEL=0'), 'refused'),
            ('1.2 with SHA-1', versions(old.TLSv1_2, 'ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0'), '...'), ('1.2 with CBC', versions(old.TLSv1_2, 'ECDHE-ECDSA-AES128-SHA256:@SECLEVEL=0'), 'refused'),
            ('1.2 with Diffie-Hellman', versions(old.TLSv1_2, 'DHE:@SECLEVEL=0'), 'refused')):
        cases('TLS ' + name, expected, shake(site, change))
    plain = b''
    with socket.create_connection(('127.0.0.1', site.server.port), timeout=20) as connection:
        connection.sendall(b'GET /healthz HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n')
        try:
            while part := connection.recv(4096):
                plain += part
        except OSError:
            pass
    cases('plain HTTP where TLS is spoken', '400 Client sent an HTTP request to an HTTPS server.', parse(plain)[0] if parse(plain) else plain)
    where = '127.0.0.1:%d' % site.server.port

    def client(*options, text):
        """A command of s_client: a line of R asks for a renegotiation."""
        with subprocess.Popen(['openssl', 's_client', '-connect', where, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=site.folder) as done:
            time.sleep(1)
            try:
                done.stdin.write(text)
                done.stdin.flush()
                time.sleep(2)
            except OSError:
                pass
            try:
                done.stdin.close()
            except OSError:
                pass
            return done.stdout.read().decode(errors='replace')
    out = client('-tls1_2', text=b'R\n')
    cases('renegotiation', 'refused', 'refused' if re.search('no renegotiation|no_renegotiation|ALERT|alert|unexpected', out) else out[-300:])
    review = '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}'
    ask = 'POST /apis/authentication.k8s.io/v1/selfsubjectreviews HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s' % (len(review), review)
    for version in ('-tls1_2', '-tls1_3'):
        client(version, '-cert', 'jane.crt', '-key', 'jane.key', '-sess_out', 'session', '-ign_eof', text=ask.encode())
        if not (site.folder / 'session').exists():
            cases('a session without its certificate (%s)' % version[1:], 'no session', 'no session', '...')
            continue
        out = client(version, '-sess_in', 'session', '-ign_eof', text=ask.encode())
        (site.folder / 'session').unlink()
        who = re.search(r'"username": ?"([^"]*)"|User \\"([^"\\]*)\\"', out)
        # Who can use a session has its keys, and so may be whom it was made for; but nobody else.
        cases('a session without its certificate (%s)' % version[1:], 'jane or nobody', 'jane or nobody' if who and (who.group(1) or who.group(2)) in ('jane', 'system:anonymous') else out[-300:])
