"""Headers that are for others to set: those of front proxies, and those of impersonation by who has no right to it."""
from site_of_attacks import SPACE

ANONYMOUS = '403 selfsubjectreviews.authentication.k8s.io is forbidden: User "system:anonymous" cannot create resource'


def attempt(site, cases):
    site.certificate('ours-front-proxy', '/CN=front-proxy')
    site.certificate('other-proxy', '/CN=other-proxy', by='proxy-ca')
    site.certificate('front-proxy-serving', '/CN=front-proxy', by='proxy-ca', use='serverAuth')
    user, group = ('X-Remote-User', 'root'), ('X-Remote-Group', 'system:masters')
    eve = '201 eve of system:authenticated'
    for name, how, headers, expected in (
            ('control: a front proxy', {'cert': 'front-proxy'}, [('X-Remote-User', 'jo'), ('X-Remote-Group', 'a')], '201 jo of a,system:authenticated'),
            ('without a certificate', {}, [user, group], ANONYMOUS),
            ('with a token', {'who': 'eve'}, [user, group], eve),
            ('with a client\'s certificate of the proxy\'s name', {'cert': 'ours-front-proxy'}, [user, group], '201 front-proxy of system:authenticated'),
            ('with the certificate of another proxy', {'cert': 'other-proxy'}, [user, group], '401 '),
            ('with a proxy\'s certificate for servers', {'cert': 'front-proxy-serving'}, [user, group], '401 '),
            ('with a stranger\'s certificate', {'cert': 'stranger-ca'}, [user, group], '401 '),
            ('small letters, without a certificate', {'who': 'eve'}, [('x-remote-user', 'root'), ('x-remote-group', 'system:masters')], eve),
            ('underscores, without a certificate', {'who': 'eve'}, [('X_Remote_User', 'root'), ('X_Remote_Group', 'system:masters')], eve),
            ('underscores, through the proxy', {'cert': 'front-proxy'}, [('X_Remote_User', 'root'), ('X-Remote-User', 'jo')], '201 jo of system:authenticated'),
            ('twice, through the proxy', {'cert': 'front-proxy'}, [('X-Remote-User', 'jo'), user], '201 jo of system:authenticated'),
            ('an empty name, through the proxy', {'cert': 'front-proxy'}, [('X-Remote-User', ''), group], '401 '),
            ('groups alone, through the proxy', {'cert': 'front-proxy'}, [group], '401 '),
            ('a space before the colon', {'who': 'eve'}, [('X-Remote-User ', 'root')], '400 '),
            ('named in Connection', {'cert': 'front-proxy'}, [('Connection', 'X-Remote-User'), ('X-Remote-User', 'jo')], '201 jo'),
            ('other names that proxies use', {'who': 'eve'}, [('X-Forwarded-User', 'root'), ('Remote-User', 'root'), ('X-Forwarded-Client-Cert', 'Subject="CN=root"'),
                                                             ('X-Ssl-Client-Cert', 'root'), ('X-User', 'root')], eve)):
        cases(name, expected, site.who(headers=headers, **how))
    impersonate(site, cases)


def impersonate(site, cases):
    site.cluster_role('medium', ('', 'users', 'impersonate', 'bob'), bind='medium')
    User, Group = 'Impersonate-User', 'Impersonate-Group'
    # Two forms of the right are tried; which refusal is told depends on the form that worked last, with the real server.
    no = '403 ...is forbidden: User "%s" cannot impersonate'
    for name, who, headers, expected in (
            ('control: as bob', 'medium', [(User, 'bob')], '201 bob of system:authenticated'),
            ('as root, without right', 'eve', [(User, 'root')], no % 'eve'),
            ('as a user, without being one', None, [(User, 'root')], no % 'system:anonymous'),
            ('as another than bob', 'medium', [(User, 'root')], no % 'medium'),
            ('as Bob', 'medium', [(User, 'Bob')], no % 'medium'),
            ('as bob of system:masters', 'medium', [(User, 'bob'), (Group, 'system:masters')], no % 'medium'),
            ('as bob of a second group', 'medium', [(User, 'bob'), (Group, 'system:authenticated'), (Group, 'system:masters')], no % 'medium'),
            ('as bob, then as root', 'medium', [(User, 'bob'), (User, 'root')], '201 bob'),
            ('as nobody, then as root', 'medium', [(User, ''), (User, 'root')], '...'),
            ('as bob with a uid', 'medium', [(User, 'bob'), ('Impersonate-Uid', '1')], no % 'medium'),
            ('as bob with more', 'medium', [(User, 'bob'), ('Impersonate-Extra-Scopes', 'all')], no % 'medium'),
            ('as bob with more, in escapes', 'medium', [(User, 'bob'), ('Impersonate-Extra-a%2fb', 'all')], no % 'medium'),
            ('as a group of nobody', 'root', [(Group, 'system:masters')], '400 requested ...without impersonating a user'),
            ('as a group of nobody, without right', 'eve', [(Group, 'system:masters')], '400 requested ...without impersonating a user'),
            ('as a uid of nobody', 'eve', [('Impersonate-Uid', '1')], '400 requested ...without impersonating a user'),
            ('with more of nobody', 'eve', [('Impersonate-Extra-Scopes', 'all')], '400 requested ...without impersonating a user'),
            ('as an account, without right', 'medium', [(User, 'system:serviceaccount:shop:robot')], no % 'medium'),
            ('as a node, without right', 'medium', [(User, 'system:node:node-a')], '403 '),
            ('as the anonymous, without right', 'medium', [(User, 'system:anonymous')], no % 'medium'),
            ('underscores', 'eve', [('Impersonate_User', 'root')], '201 eve'),
            ('small letters', 'eve', [('impersonate-user', 'root')], no % 'eve'),
            ('by a node', 'system:node:node-a', [(User, 'root')], no % 'system:node:node-a')):
        cases('impersonates ' + name, expected, site.who(who=who, headers=headers))
    cases('impersonates as bob, who reads a secret', '403 ...User "bob" cannot get resource "secrets"', site.ask('medium', 'GET', '/api/v1/namespaces/%s/secrets/vault' % SPACE, headers=[(User, 'bob')]))
    cases('impersonates by a front proxy\'s user', no % 'eve', site.who(cert='front-proxy', headers=[('X-Remote-User', 'eve'), (User, 'root')]))
    cases('impersonates as bob, who asks what others may', '403 ...User "bob" cannot create resource "subjectaccessreviews"',
          site.ask('medium', 'POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', {'spec': {'user': 'root'}}, [(User, 'bob')]))
