"""Credentials that are forged, stale, stolen or meant for somebody else."""
import base64
import hashlib
import json
import time

import servers
from site_of_attacks import ISSUER, SPACE, b64, token_of

BASE = '/api/v1/namespaces/%s/' % SPACE
ROBOT = '201 system:serviceaccount:shop:robot of system:authenticated,system:serviceaccounts,system:serviceaccounts:shop'
NO = '401 Unauthorized'


def forgeries(site, cases):
    """Tokens that nobody issued, or that somebody changed."""
    account = site.admin('GET', BASE + 'serviceaccounts/robot')
    now = int(time.time())

    def claims(**changes):
        made = {'iss': ISSUER, 'aud': [ISSUER], 'iat': now, 'nbf': now, 'exp': now + 3600, 'sub': 'system:serviceaccount:shop:robot',
                'kubernetes.io': {'namespace': SPACE, 'serviceaccount': {'name': 'robot', 'uid': account['metadata']['uid']}}}
        made.update(changes)
        return {k: v for k, v in made.items() if v is not None}

    def of(namespace=SPACE, name='robot', uid=account['metadata']['uid'], **more):
        return {'kubernetes.io': dict({'namespace': namespace, 'serviceaccount': {'name': name, 'uid': uid}}, **more)}

    good = site.signed(claims())
    head, payload, signature = good.split('.')
    public = (site.folder / 'tokens.pub').read_bytes()
    der = base64.b64decode(b''.join(public.split(b'\n')[1:-2]))
    masters = b64(json.dumps(claims(sub='system:serviceaccount:kube-system:root')).encode())
    site.certificate('jwt-stranger', '/CN=x', by='stranger-ca')
    stranger_jwk = {'kty': 'RSA', 'e': 'AQAB', 'n': b64(b'\x01' * 256)}
    table = [
        ('control: a good token', good, ROBOT),
        ('expired', site.signed(claims(iat=now - 7200, nbf=now - 7200, exp=now - 3600)), NO),
        ('not yet valid (nbf)', site.signed(claims(nbf=now + 3600)), NO),
        ('issued in the future (iat)', site.signed(claims(iat=now + 3600)), NO),
        ('expiry as text', site.signed(claims(exp='%d' % (now + 3600))), NO),
        ('expiry below zero', site.signed(claims(exp=-1)), NO),
        ('wrong audience', site.signed(claims(aud=['https://elsewhere'])), NO),
        ('audience that only begins alike', site.signed(claims(aud=[ISSUER + '.evil'])), NO),
        ('wrong issuer', site.signed(claims(iss='https://elsewhere')), NO),
        ('issuer with a slash more', site.signed(claims(iss=ISSUER + '/')), NO),
        ('no issuer', site.signed(claims(iss=None)), NO),
        ('issuer in a list', site.signed(claims(iss=[ISSUER])), NO),
        ('wrong key', site.signed(claims(), key='stranger.key'), NO),
        ('wrong key that names the right one (kid)', site.signed(claims(), {'kid': b64(hashlib.sha256(der).digest())}, key='stranger.key'), NO),
        ('wrong key that comes along (jwk)', site.signed(claims(), {'jwk': stranger_jwk}, key='stranger.key'), NO),
        ('wrong key from a URL (jku)', site.signed(claims(), {'jku': 'https://192.0.2.1/keys'}, key='stranger.key'), NO),
        ('key id of a path', site.signed(claims(), {'kid': '../../../../dev/null'}, key='stranger.key'), NO),
        ('the key of another kind (ES256 named RS256)', site.signed(claims(), key='stranger-ca.key'), NO),
        ('alg none', b64(b'{"alg":"none"}') + '.' + payload + '.', NO),
        ('alg None', b64(b'{"alg":"None"}') + '.' + payload + '.', NO),
        ('alg NONE with the signature', b64(b'{"alg":"NONE"}') + '.' + payload + '.' + signature, NO),
        ('alg empty', b64(b'{"alg":""}') + '.' + payload + '.' + signature, NO),
        ('no alg', b64(b'{}') + '.' + payload + '.' + signature, NO),
        ('alg named twice', b64(b'{"alg":"RS256","alg":"none"}') + '.' + payload + '.', NO),
        ('alg HS256 with the public key (PEM)', site.hashed(claims(), public), NO),
        ('alg HS256 with the public key (DER)', site.hashed(claims(), der), NO),
        ('alg HS256 with an empty key', site.hashed(claims(), b''), NO),
        ('alg ES256 with the RSA signature', b64(b'{"alg":"ES256"}') + '.' + payload + '.' + signature, NO),
        ('a critical header that nobody knows', site.signed(claims(), {'crit': ['exp2'], 'exp2': 1}), NO),
        ('another payload', head + '.' + masters + '.' + signature, NO),
        ('another header', b64(b'{"alg":"RS256","kid":"x"}') + '.' + payload + '.' + signature, NO),
        ('signature cut', good[:-8], NO),
        ('signature of noughts', head + '.' + payload + '.' + b64(b'\0' * 256), NO),
        ('signature missing', head + '.' + payload + '.', NO),
        ('two parts', head + '.' + payload, NO),
        ('five parts, as if encrypted', good + '.x.y', NO),
        ('a dot behind', good + '.', NO),
        ('claims that are no object', site.signed(b'[1]'), NO),
        ('claims that are no JSON', site.signed(b'{"iss":'), NO),
        ('subject of another account', site.signed(claims(sub='system:serviceaccount:kube-system:default')), ROBOT),    # the subject is not what counts
        ('account that is not there', site.signed(claims(sub='system:serviceaccount:shop:none', **of(name='none'))), NO),
        ('uid of another', site.signed(claims(**of(uid='11111111-2222-3333-4444-555555555555'))), NO),
        ('no uid', site.signed(claims(**of(uid=''))), NO),
        ('no claims of ours', site.signed(claims(**{'kubernetes.io': None})), NO),
        ('subject of a group', site.signed(claims(sub='system:masters', groups=['system:masters'])), ROBOT),
        ('bound to a pod that never was', site.signed(claims(**of(pod={'name': 'none', 'uid': 'x'}))), NO),
        ('bound to a secret that never was', site.signed(claims(**of(secret={'name': 'none', 'uid': 'x'}))), NO),
        ('bound to a node that never was', site.signed(claims(**of(node={'name': 'none', 'uid': 'x'}))), NO),
        ('bound to a pod by another uid', site.signed(claims(**of(pod={'name': 'on-node-a', 'uid': 'x'}))), NO),
        ('64 KiB of it', 'x' * 65536, NO),
        ('a static token in capitals', token_of('root').upper(), NO),
        ('a static token with a letter more', token_of('root') + 'x', NO),
        ('a static token with a letter less', token_of('root')[:-1], NO),
        ('an empty token', '', '401 ...'),
        ('a bootstrap token that is not there', 'abcdef.0123456789abcdef', NO),
    ]
    for name, token, expected in table:
        cases(name, '403 ...' if not token else expected, site.who(token))
    value = 'Bearer ' + token_of('root')
    for name, headers, path, expected in (
            ('the token in the query', [], '?access_token=' + token_of('root'), '403 ...'),
            ('the token as a password', [('Authorization', 'Basic ' + token_of('root'))], '', '403 ...'),
            ('no scheme', [('Authorization', token_of('root'))], '', '403 ...'),
            ('the scheme in small letters', [('Authorization', value.lower().replace('bearer', 'bearer'))], '', '201 root'),
            ('two tokens, the first is bad', [('Authorization', 'Bearer x'), ('Authorization', value)], '', NO),
            ('a list of tokens', [('Authorization', 'Bearer x, ' + value)], '', NO),
            ('in a cookie', [('Cookie', 'Authorization=' + value)], '', '403 ...'),
            ('as a subprotocol, without a WebSocket', [('Sec-WebSocket-Protocol', 'base64url.bearer.authorization.k8s.io.' + b64(token_of('root').encode()))], '', '403 ...')):
        answer = site.ask(None, 'POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews' + path, {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'SelfSubjectReview'}, headers)
        cases(name, expected, answer)


def request(site, account, who='root', path=None, **spec):
    body = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenRequest', 'spec': spec}
    return site.ask(who, 'POST', path or BASE + 'serviceaccounts/%s/token' % account, body)


def bound(site, cases):
    """Tokens end with what they are bound to, and do not come back with another of the same name."""
    def things():
        yield 'pod', BASE + 'pods/holder', lambda: site.admin('POST', BASE + 'pods', site.pod('holder'))
        yield 'secret', BASE + 'secrets/holder', lambda: site.make(BASE + 'secrets', 'Secret', 'holder')
        yield 'node', '/api/v1/nodes/holder', lambda: site.make('/api/v1/nodes', 'Node', 'holder')
    for kind, path, make in things():
        made = make()
        reference = {'apiVersion': 'v1', 'kind': kind.capitalize(), 'name': 'holder', 'uid': made['metadata']['uid']}
        cases('bound to a %s by a wrong uid' % kind, '409 ', request(site, 'robot', boundObjectRef=dict(reference, uid='x')))
        token = request(site, 'robot', boundObjectRef=reference).json['status']['token']
        site.settle(lambda: site.who(token).status == 201)    # the real server sees nodes and secrets by watching
        cases('control: bound to a %s that is there' % kind, ROBOT, site.who(token))
        site.admin('DELETE', path + '?gracePeriodSeconds=0')
        # The real server keeps an answer about a token for ten seconds.
        site.settle(lambda: site.who(token).status == 401, 15)
        cases('bound to a %s that is gone' % kind, NO, site.who(token))
        make()
        cases('bound to a %s that was made anew' % kind, NO, site.who(token))
    site.make(BASE + 'serviceaccounts', 'ServiceAccount', 'brief')
    token = request(site, 'brief').json['status']['token']
    other = request(site, 'brief', audiences=['https://vault']).json['status']['token']
    cases('of an account that is there', '201 system:serviceaccount:shop:brief', site.who(token))
    cases('for another audience', NO, site.who(other))
    review = {'apiVersion': 'authentication.k8s.io/v1', 'kind': 'TokenReview', 'spec': {'token': other, 'audiences': ['https://elsewhere']}}
    cases('reviewed for an audience it is not for', '201 False', verdict(site.ask('root', 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', review)))
    site.admin('DELETE', BASE + 'serviceaccounts/brief')
    site.settle(lambda: site.who(token).status == 401, 15)
    cases('of an account that is gone', NO, site.who(token))
    site.make(BASE + 'serviceaccounts', 'ServiceAccount', 'brief')
    cases('of an account that was made anew', NO, site.who(token))
    cases('bound to the pod of another account', '400 ', request(site, 'butler', boundObjectRef={'apiVersion': 'v1', 'kind': 'Pod', 'name': 'on-node-a'}))
    cases('bound to a kind that cannot be', '400 ', request(site, 'robot', boundObjectRef={'apiVersion': 'v1', 'kind': 'ConfigMap', 'name': 'menu'}))
    cases('for less than ten minutes', '422 ', request(site, 'robot', expirationSeconds=60))
    cases('for longer than 2^32 seconds', '422 ', request(site, 'robot', expirationSeconds=1 << 33))


def verdict(answer):
    answer.json = {'kind': str(answer.json['status'].get('authenticated', False))}
    return answer


def bootstrap(site, cases):
    def secret(name, **more):
        data = dict({'token-id': name[-6:], 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true'}, **more)
        site.make('/api/v1/namespaces/kube-system/secrets', 'Secret', name, type='bootstrap.kubernetes.io/token', stringData={k.replace('_', '-'): v for k, v in data.items()})
    for id, more in (('aaaaaa', {}), ('bbbbbb', {'expiration': '2020-01-01T00:00:00Z'}), ('cccccc', {'usage-bootstrap-authentication': 'false'}),
                     ('dddddd', {'auth-extra-groups': 'system:masters'}), ('eeeeee', {'token-id': 'ffffff'}), ('hhhhhh', {'expiration': 'soon'})):
        secret('bootstrap-token-' + id, **more)
    site.make(BASE + 'secrets', 'Secret', 'bootstrap-token-gggggg', type='bootstrap.kubernetes.io/token', stringData={
        'token-id': 'gggggg', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true'})
    site.settle(lambda: site.who('aaaaaa.0123456789abcdef').status == 201)
    for name, token, expected in (
            ('control: a bootstrap token', 'aaaaaa.0123456789abcdef', '201 system:bootstrap:aaaaaa of system:authenticated,system:bootstrappers'),
            ('a bootstrap token with another secret', 'aaaaaa.0123456789abcdee', NO), ('an expired bootstrap token', 'bbbbbb.0123456789abcdef', NO),
            ('a bootstrap token for other uses', 'cccccc.0123456789abcdef', NO), ('a bootstrap token of system:masters', 'dddddd.0123456789abcdef', NO),
            ('a bootstrap token in the secret of another', 'eeeeee.0123456789abcdef', NO), ('... by the id that is said in it', 'ffffff.0123456789abcdef', NO),
            ('a bootstrap token outside kube-system', 'gggggg.0123456789abcdef', NO), ('a bootstrap token with an expiry of words', 'hhhhhh.0123456789abcdef', NO)):
        cases(name, expected, site.who(token))


def certificates(site, cases):
    site.certificate('short', '/CN=jane', days=-1)
    site.certificate('late', '/CN=jane', start='20980101000000Z')
    site.certificate('serving', '/O=system:masters/CN=jane', use='serverAuth')
    site.certificate('forged', '/O=system:masters/CN=kubernetes-admin', by='stranger-ca')
    site.certificate('jane', '/CN=jane')
    site.certificate('child', '/O=system:masters/CN=child', by='jane')
    site.certificate('proxied', '/O=system:masters/CN=kubernetes-admin', by='proxy-ca')
    chained = (site.folder / 'child.crt').read_text() + (site.folder / 'jane.crt').read_text()
    (site.folder / 'child.crt').write_text(chained)
    for name, cert, expected in (
            ('control: a good certificate', 'jane', '201 jane of system:authenticated'), ('an expired certificate', 'short', NO), ('a certificate of the future', 'late', NO),
            ('a certificate for servers', 'serving', NO), ('a certificate of a stranger\'s authority', 'forged', NO),
            ('a certificate that was signed with a client\'s key', 'child', NO), ('an authority\'s certificate of its own', 'stranger-ca', NO),
            ('a certificate of the proxies\' authority', 'proxied', NO)):
        cases(name, expected, site.who(cert=cert))
    cases('a forged certificate and a good token', '201 eve', site.who(who='eve', cert='forged'))
    cases('a good certificate and a bad token', '201 jane', site.who('x.y.z', cert='jane'))


def anonymous(site, cases):
    for path, expected in (('/healthz', '200 ok'), ('/version', '200 '), ('/api', '403 forbidden: User "system:anonymous" cannot get path "/api"'), ('/metrics', '403 '),
                           ('/openapi/v2', '403 '), ('/debug/pprof/', '403 '), ('/logs/', '403 '), ('/configz', '403 '), ('/.well-known/openid-configuration', '403 '),
                           ('/openid/v1/jwks', '403 '), ('/api/v1/namespaces/kube-system/secrets', '403 '), ('/api/v1/namespaces/kube-public/configmaps/cluster-info', '403 ')):
        cases('nobody asks for ' + path, expected, site.ask(None, 'GET', path))


def attempt(site, cases):
    servers.openssl(site.folder, 'genrsa', '-out', 'stranger.key', '2048')
    forgeries(site, cases)
    bound(site, cases)
    bootstrap(site, cases)
    certificates(site, cases)
    anonymous(site, cases)
