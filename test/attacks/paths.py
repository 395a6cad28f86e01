"""Tricks with paths: to a path that a rule opens, or around one that none does. Paths are never cleaned: what is decided on is what is looked up."""
from site_of_attacks import SPACE

VAULT = '/api/v1/namespaces/kube-system/secrets/vault'
NO = '403 '
WALKER = 'walker'


def attempt(site, cases):
    site.cluster_role('walker', ('/version,/healthz/*', 'get'), bind='walker')
    site.cluster_role('walker-shop', ('', 'configmaps', 'get,list,watch'), bind='walker', space=SPACE)
    shop = '/api/v1/namespaces/%s/configmaps/menu' % SPACE
    cases('control: a path of the rule', '200 ', site.ask(WALKER, 'GET', '/version'))
    cases('control: a resource of the rule', '200 ConfigMap', site.ask(WALKER, 'GET', shop))
    for path, expected in (
            (VAULT, '403 secrets "vault" is forbidden: User "walker" cannot get resource "secrets" in API group "" in the namespace "kube-system"'),
            ('/' + VAULT, NO), ('/api/v1//namespaces/kube-system/secrets/vault', NO), ('/api//v1/namespaces/kube-system/secrets/vault', NO),
            (VAULT + '/', NO), (VAULT + '//', NO), (VAULT + '/.', NO), (VAULT + '/..', NO), (VAULT + '/./', NO),
            ('/./api/v1/namespaces/kube-system/secrets/vault', NO), ('/version/../api/v1/namespaces/kube-system/secrets/vault', NO),
            ('/version/..%2fapi/v1/namespaces/kube-system/secrets/vault', NO), ('/version/%2e%2e/api/v1/namespaces/kube-system/secrets/vault', NO),
            ('/healthz/../metrics', '404 '), ('/healthz/%2e%2e/metrics', '404 '), ('/healthz/..%2fmetrics', '404 '), ('/healthz/..;/metrics', '404 '), ('/healthz/.../metrics', '404 '),
            ('/healthz/x%00/../metrics', '404 '), ('/healthz//../metrics', '404 '), ('/version/', '200 '), ('/version.', NO), ('/Version', NO), ('/VERSION', NO), ('/version%00', NO),
            ('/version%20', NO), ('/version;x', NO), ('/version?x=/metrics', '200 '), ('/versio%6e', '200 '), ('/%76ersion', '200 '), ('/version%2f', '200 '), ('/version%252e', NO),
            ('/metrics', '403 forbidden: User "walker" cannot get path "/metrics"'), ('/metrics/', NO), ('//metrics', NO), ('/METRICS', NO),
            ('/API/v1/namespaces/kube-system/secrets/vault', NO), ('/api/V1/namespaces/kube-system/secrets/vault', NO), ('/api/v1/Namespaces/kube-system/secrets/vault', NO),
            ('/api/v1/namespaces/kube-system/Secrets/vault', NO), ('/api/v1/namespaces/kube-system/secrets./vault', NO), ('/api/v1/namespaces/kube-system./secrets/vault', NO),
            ('/api/v1/namespaces/kube-system/secrets;/vault', NO), ('/api/v1/namespaces/kube-system/secrets/vault;x', NO), ('/api/v1/namespaces/kube-system/secrets/vault%00', NO),
            ('/api/v1/namespaces/kube-system/secrets/vault%20', NO), ('/api/v1/namespaces/kube%2dsystem/secrets/vault', NO), ('/api/v1/namespaces/kube-system%2fsecrets%2fvault', NO),
            ('/api/v1/namespaces/kube-system%2Fsecrets/vault', NO), ('/api%2fv1%2fnamespaces%2fkube-system%2fsecrets%2fvault', NO), ('/api/v1/namespaces/shop/configmaps/../secrets/vault', NO),
            ('/api/v1/namespaces/shop/configmaps/..%2fsecrets%2fvault', NO), ('/api/v1/namespaces/shop/configmaps/%2e%2e/secrets/vault', NO),
            ('/api/v1/namespaces/shop/configmaps/%252e%252e%252fsecrets%252fvault', '400 Name parameter invalid: "%2e%2e%2fsecrets%2fvault": may not contain \'%\''),
            ('/api/v1/namespaces/shop/configmaps/..%5csecrets%5cvault', '404 '), ('/api/v1/namespaces/shop/configmaps/menu%2f..%2f..%2fsecrets%2fvault', NO),
            ('/api/v1/namespaces/shop/configmaps/menu%00secrets', '404 '), ('/api/v1/namespaces/shop%2f..%2fkube-system/configmaps/menu', NO),
            ('/api/v1/namespaces/shop%00/configmaps/menu', NO), ('/api/v1/namespaces/%73hop/configmaps/menu', '200 ConfigMap'), ('/api/v1/namespaces/shop/../other/configmaps', NO),
            ('/api/v1/namespaces//secrets', NO), ('/api/v1/namespaces/*/secrets', NO), ('/api/v1/namespaces/%2a/secrets', NO), ('/api/v1/namespaces/-/secrets', NO),
            ('/api/v1/watch/namespaces/kube-system/secrets/vault', NO), ('/api/v1/watch/secrets', NO), ('/api/v1/proxy/namespaces/kube-system/secrets/vault', NO),
            ('/api/v1/secrets?fieldSelector=metadata.namespace%3Dshop', NO), ('/api/v1/configmaps?fieldSelector=metadata.namespace%3Dshop', NO),
            ('/api/v1/namespaces/shop/secrets?fieldSelector=metadata.name%3Dvault&watch=1&timeoutSeconds=1', NO), ('/api/v1/namespaces/shop/configmaps/menu/secrets', NO),
            ('/api/v1/namespaces/shop/configmaps/menu?namespace=kube-system', '200 ConfigMap'), ('/api/v1/namespaces/shop/configmaps?continue=%2fregistry%2fsecrets%2f', '400 '),
            ('/api/v1/namespaces/shop/configmaps?limit=1&continue=eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiIuLi8uLi9zZWNyZXRzLyJ9', '400 '),
            ('/apis/v1/namespaces/kube-system/secrets/vault', NO), ('/api/v1/../../etc/passwd', NO), ('/apis/../api/v1/secrets', NO), ('/apis//v1/secrets', NO),
            ('/..', NO), ('/%2e%2e/', NO), ('http://localhost/api/v1/secrets', NO), ('http://localhost/version', '200 '), ('http://evil' + VAULT, NO),
            ('http://evil/version/../api/v1/secrets', NO), ('*', '...'), ('/%zz', '400 '), ('/version#x', '...'),
            ('/api/v1/namespaces/shop/configmaps/menu#/secrets', '...'), ('/\\..\\api\\v1\\secrets', NO), ('/' + 'a/' * 4000, '...'), ('/' + 'x' * 60000, '403 ')):
        answer = site.ask(WALKER, 'GET', path)
        where = [line for line in answer.headers.split('\r\n') if line.lower().startswith('location')]
        cases('GET ' + (path if len(path) < 80 else path[:12] + ' and so on'), expected, answer)
        if answer.status == 301 and where and ('evil' in where[0].split(':', 1)[1].split('?')[0] or where[0].split(':', 1)[1].strip().startswith('//')):
            cases('GET %s sends elsewhere' % path[:60], 'nowhere', where[0])
    # What cannot be read by a verb that is not in the rule, however it is asked.
    for method, path, headers, expected in (
            ('HEAD', VAULT, [], '403'), ('OPTIONS', VAULT, [], '403 '), ('TRACE', VAULT, [], '...'), ('PROPFIND', VAULT, [], '403 '), ('GET', shop, [('X-HTTP-Method-Override', 'DELETE')], '200 '),
            ('POST', shop.rsplit('/', 1)[0], [('X-HTTP-Method-Override', 'GET')], '403 '), ('get', VAULT, [], '400 '), ('DELETE', shop, [], '403 '), ('PUT', shop, [], '403 '),
            ('POST', '/version', [], '403 '), ('GET', '/version', [('X-Original-URL', VAULT), ('X-Rewrite-URL', VAULT)], '200 '), ('GET', '/version', [('X-Forwarded-Prefix', '/x')], '200 ')):
        answer = site.ask(WALKER, method, path, '{}' if method in ('POST', 'PUT') else None, headers)
        if method == 'HEAD':
            answer.text, answer.json = '', None
        cases('%s %s%s' % (method, path[:40], ' with ' + headers[0][0] if headers else ''), expected, answer, '403 ' if method == 'get' else None)    # RFC 9110: methods are case-sensitive
