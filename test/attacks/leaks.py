"""Secrets where they do not belong: logs, metrics, the audit's trail, and answers to others."""
import base64
import re

from site_of_attacks import HIDDEN, SPACE, USERS, b64, token_of


def attempt(site, cases):
    word = 'opensesame-5f2b'
    base = '/api/v1/namespaces/%s/' % SPACE
    encoded = base64.b64encode(word.encode()).decode()
    site.make(base + 'secrets', 'Secret', 'told', data={'word': encoded})
    site.ask('root', 'PUT', base + 'secrets/told', {'apiVersion': 'v1', 'kind': 'Secret', 'metadata': {'name': 'told'}, 'data': {'word': encoded, 'bad key!': encoded}})
    site.ask('root', 'POST', base + 'secrets', '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"},"data":{"word":"%s"' % encoded)
    site.ask('root', 'GET', base + 'secrets/told')
    token = site.admin('POST', base + 'serviceaccounts/robot/token', {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': {}})['status']['token']
    site.who(token)
    site.who(token[:-4] + 'AAAA')
    protocol = 'v5.channel.k8s.io, base64url.bearer.authorization.k8s.io.' + b64(token.encode())
    site.ask(None, 'GET', base + 'pods/on-node-a/exec?command=id', None, [('Connection', 'Upgrade'), ('Upgrade', 'websocket'), ('Sec-WebSocket-Version', '13'), ('Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAAAA=='), ('Sec-WebSocket-Protocol', protocol)])
    metrics = site.ask('root', 'GET', '/metrics').text
    # What clients themselves wrote into a URL, as one did among the credentials, is told with it: so it is upstream.
    audit = re.sub(r'access_token=[^"&]*', '', (site.folder / 'audit.log').read_text(errors='replace'))
    places = {'log': site.server.main.log.read_text(errors='replace'), 'audit': audit, 'metrics': metrics,
              'answers to others': '\n'.join(text for text in site.seen if '"kind":"Secret"' not in text and '"kind":"TokenRequest"' not in text and '"kind":"SecretList"' not in text)}
    assert len(places['audit']) > 1000 and len(metrics) > 1000
    for where, text in places.items():
        found = [name for name, secret in (('a secret\'s data', encoded), ('a secret\'s word', word), ('the hidden one', HIDDEN), ('a token', token), ('a token\'s signature', token.split('.')[2]), ('a token in base64', b64(token.encode())[:200]),
                                           ('a static token', token_of('root')), ('a bootstrap token', '0123456789abcdef')) if secret in text]
        found += ['the token of ' + user for user in USERS if token_of(user) in text]
        if re.search(r'-----BEGIN (EC |RSA )?PRIVATE KEY', text):
            found.append('a private key')
        cases('in the ' + where, 'nothing', ', '.join(found) or 'nothing')
    for name, mode in (('admin.kubeconfig', 0o077), ('sa.key', 0o077), ('ca.key', 0o077)):
        path = site.folder / name
        if not site.real and path.exists() and name != 'ca.key':
            cases('others may read ' + name, 'no', 'yes' if path.stat().st_mode & mode else 'no')
