"""HTTP/2 that floods, and requests in it that would be others in HTTP/1.1."""
import socket
import ssl
import struct
import time

from site_of_attacks import SPACE, token_of

DATA, HEADERS, RST, SETTINGS, PING, WINDOW, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
PREFACE = b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'
ENOUGH = 8    # seconds: what a flood may take until it is cut off


def frame(kind, flags, stream, payload=b''):
    return struct.pack('>I', len(payload))[1:] + bytes((kind, flags)) + struct.pack('>I', stream) + payload


def number(value, prefix):
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes((value,))
    out, value = bytes((limit,)), value - limit
    while value >= 128:
        out, value = out + bytes((value % 128 + 128,)), value // 128
    return out + bytes((value,))


def fields(pairs):
    """HPACK without its table and without Huffman: what is written is what is there."""
    def text(value):
        value = value.encode('latin-1') if isinstance(value, str) else value
        return number(len(value), 7) + value
    return b''.join(b'\0' + text(name) + text(value) for name, value in pairs)


DIGITS = {'00000': '0', '00001': '1', '00010': '2', '011001': '3', '011010': '4', '011011': '5', '011100': '6', '011101': '7', '011110': '8', '011111': '9'}


def status_of(block):
    """The :status, which comes first."""
    while block and block[0] & 0xe0 == 0x20:
        block = block[1:]
    if block[0] & 0x80:
        return {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}.get(block[0] & 0x7f)
    size = block[1] & 0x7f
    raw = block[2:2 + size]
    if not block[1] & 0x80:
        return int(raw)
    bits, out, word = ''.join('{:08b}'.format(b) for b in raw), '', ''
    for bit in bits:
        word += bit
        if word in DIGITS:
            out, word = out + DIGITS[word], ''
    return int(out[:3])


class Connection:
    def __init__(self, site):
        self.socket, self.got, self.ended = site.connect(alpn='h2', timeout=10), b'', False
        self.send(PREFACE + frame(SETTINGS, 0, 0))

    def send(self, data):
        try:
            self.socket.settimeout(5)
            self.socket.sendall(data)
            return True
        except (OSError, ssl.SSLError):
            self.ended = True
            return False

    def frames(self, within=3, until=lambda kind, stream: False):
        """What has come: (kind, flags, stream, payload)."""
        end = time.monotonic() + within
        while True:
            while len(self.got) >= 9:
                size = int.from_bytes(self.got[:3], 'big')
                if len(self.got) < 9 + size:
                    break
                kind, flags, stream = self.got[3], self.got[4], struct.unpack('>I', self.got[5:9])[0]
                payload, self.got = self.got[9:9 + size], self.got[9 + size:]
                yield kind, flags, stream, payload
                if until(kind, stream):
                    return
            left = end - time.monotonic()
            if self.ended or left <= 0:
                return
            self.socket.settimeout(left)
            try:
                part = self.socket.recv(1 << 16)
            except (TimeoutError, ssl.SSLWantReadError):
                return
            except OSError:
                part = b''
            self.ended = not part
            self.got += part

    def request(self, pairs, stream=1, end=True, body=None, within=6):
        """How a request is answered: a status, 'reset' or 'closed'."""
        block = fields(pairs)
        first, rest = block[:16384], block[16384:]
        self.send(frame(HEADERS, (0 if rest else 4) | (1 if end and body is None else 0), stream, first))
        while rest:
            part, rest = rest[:16384], rest[16384:]
            self.send(frame(CONTINUATION, 0 if rest else 4, stream, part))
        if body is not None:
            self.send(frame(DATA, 1, stream, body))
        for kind, _, at, payload in self.frames(within, lambda k, s: s == stream and k in (HEADERS, RST) or k == 7):
            if kind == HEADERS and at == stream:
                return str(status_of(payload))
            if kind == RST and at == stream:
                return 'reset'
            if kind == 7:
                return 'closed'
        return 'closed' if self.ended else 'no answer'


def head(path='/version', method='GET', who='eve', *more):
    return [(':method', method), (':scheme', 'https'), (':authority', 'localhost'), (':path', path), ('authorization', 'Bearer ' + token_of(who)), *more]


def attempt(site, cases):
    requests(site, cases)
    floods(site, cases)
    cases('after all of it: a request', '200', Connection(site).request(head()))


def requests(site, cases):
    plain = head()
    for name, pairs, expected, *theirs in (
            ('control', plain, '200'), ('a name in capitals', plain + [('X-Remote-User', 'root')], 'reset', '...'), ('a line end in a value', plain + [('x', 'a\r\nx-remote-user: root')], 'reset', '...'),
            ('a NUL in a value', plain + [('x', 'a\0b')], 'reset', '...'), ('a line end in a name', plain + [('x\r\ny', 'a')], 'reset', '...'), ('a line end in the path', head('/version HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics'), 'reset', '...'),
            ('a space in the path', head('/version HTTP/1.1'), '...', '...'), ('a path without its slash', head('version'), '...', '...'), ('an empty path', head(''), 'reset', '...'), ('no path', [p for p in plain if p[0] != ':path'], 'reset', '...'),
            ('two paths', plain[:4] + [(':path', '/metrics')] + plain[4:], 'reset', '...'), ('a path behind the fields', plain + [(':path', '/metrics')], 'reset', '...'), ('a pseudo field that is none', [(':user', 'root')] + plain, 'reset', '...'),
            ('a field of the connection', plain + [('connection', 'x-remote-user')], 'reset', '...'), ('an encoding of HTTP/1.1', plain + [('transfer-encoding', 'chunked')], 'reset', '...'), ('an upgrade', plain + [('upgrade', 'websocket')], 'reset', '...'),
            ('another host in a field', plain + [('host', 'evil')], '...'), ('CONNECT', [(':method', 'CONNECT'), (':authority', '169.254.169.254:80'), plain[4]], '...', '...'), ('an escape that is none', head('/%zz'), '400', 'reset'),
            ('a name without a value', plain + [('', 'x')], 'reset', '...'), ('front proxies\' fields', head('/metrics', 'GET', 'eve', ('x-remote-user', 'root'), ('x-remote-group', 'system:masters')), '403'),
            ('impersonation', head('/metrics', 'GET', 'eve', ('impersonate-user', 'root')), '403'), ('a secret', head('/api/v1/namespaces/%s/secrets/vault' % SPACE), '403'),
            ('a header of 2 MiB', plain + [('x%d' % i, 'a' * 16000) for i in range(131)], 'closed', '...')):
        cases('HTTP/2: ' + name, expected, Connection(site).request(pairs), theirs[0] if theirs else None)
    for name, length, body, expected in (('a body that is longer than it says', '1', b'{}', 'reset'), ('a body that is shorter than it says', '5', b'{}', 'reset')):
        cases('HTTP/2: ' + name, expected, Connection(site).request(head('/api/v1/namespaces', 'POST', 'eve', ('content-length', length)), body=body), '...')


def flood(site, make, count, reading=True):
    """Sends these again and again; 'cut off' where the server ends it."""
    connection, end = Connection(site), time.monotonic() + ENOUGH
    for turn in range(count):
        if not connection.send(make(turn)):
            return 'cut off'
        if reading and turn % 20 == 0:
            for kind, *_ in connection.frames(0.001):
                if kind == 7:
                    return 'cut off'
        if connection.ended:
            return 'cut off'
        if time.monotonic() > end:
            break
    for kind, *_ in connection.frames(3):
        if kind == 7:
            return 'cut off'
    return 'cut off' if connection.ended else 'taken'


def floods(site, cases):
    block = fields(head('/api/v1/namespaces'))

    def rapid(turn, size=50):
        return b''.join(frame(HEADERS, 5, stream, block) + frame(RST, 0, stream, b'\0\0\0\x08') for stream in range(1 + turn * size * 2, 1 + (turn + 1) * size * 2, 2))

    def unfinished(turn):
        return (frame(HEADERS, 1, 1, block) if not turn else b'') + frame(CONTINUATION, 0, 1, fields([('x%d' % turn, 'a' * 16000)]))
    empty = frame(HEADERS, 4, 1, fields(head('/api', 'POST')))
    for name, make, count, expected, *theirs in (
            # What the real server does about floods is its library's: it may well take them all.
            ('rapid reset (CVE-2023-44487)', rapid, 100, 'cut off', '...'), ('CONTINUATION without end (CVE-2024-27316)', unfinished, 400, 'cut off', '...'),
            ('CONTINUATION of nothing', lambda t: (frame(HEADERS, 1, 1, block) if not t else b'') + frame(CONTINUATION, 0, 1) * 100, 300, 'cut off', '...'), ('SETTINGS', lambda t: frame(SETTINGS, 0, 0) * 200, 300, 'cut off', '...'),
            ('PING', lambda t: frame(PING, 0, 0, b'12345678') * 200, 300, 'cut off', '...'), ('DATA of nothing', lambda t: (empty if not t else b'') + frame(DATA, 0, 1) * 200, 300, 'cut off', '...'),
            ('a window beyond all numbers', lambda t: frame(WINDOW, 0, 0, b'\x7f\xff\xff\xff') * 2, 2, 'cut off'), ('a frame that is larger than it may be', lambda t: frame(DATA, 0, 1, b'x' * 20000), 2, 'cut off'),
            ('a stream of the server\'s', lambda t: frame(HEADERS, 5, 2, block), 1, 'cut off'), ('PING of a stream', lambda t: frame(PING, 0, 1, b'12345678'), 1, 'cut off'),
            ('SETTINGS of half a setting', lambda t: frame(SETTINGS, 0, 0, b'\0\3\0'), 1, 'cut off'), ('a header table that is none', lambda t: frame(HEADERS, 5, 1, b'\xff\xff\xff\xff\xff\xff\xff'), 1, 'cut off')):
        cases('HTTP/2: ' + name, expected, flood(site, make, count), theirs[0] if theirs else None)
    many = Connection(site)
    many.send(b''.join(frame(HEADERS, 4, stream, fields(head('/api', 'POST'))) for stream in range(1, 2001, 2)))
    refused = sum(kind in (RST, 7) for kind, *_ in many.frames(3))
    cases('HTTP/2: a thousand streams at once', 'refused beyond 250', 'refused beyond 250' if refused >= 1 else 'taken', '...')
