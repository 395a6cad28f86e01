"""Requests that read, and requests that are wrong as requests: forms of answers, selectors, pages, revisions, watches; methods, paths, types of content."""
from write_requests import Request

SHAPES = ['as=Table;g=meta.k8s.io;v=v1', 'as=Table;v=v1;g=meta.k8s.io', 'as=PartialObjectMetadata;g=meta.k8s.io;v=v1', 'as=PartialObjectMetadataList;g=meta.k8s.io;v=v1', 'as=Table;g=meta.k8s.io;v=v1beta1', 'as=Table;g=meta.k8s.io;v=v2', 'as=Table', 'as=Nothing;g=meta.k8s.io;v=v1',
          'as=PartialObjectMetadataList;g=meta.k8s.io;v=v1beta1', 'as=PartialObjectMetadata;g=meta.k8s.io', 'as=APIGroupList;g=;v=v1', 'as=Table;g=meta.k8s.io;v=v1;q=0.5', 'q=0.9', 'charset=utf-8', 'stream=watch', 'q=0', 'q=abc', 'pretty=1', 'as=;g=;v=', 'as=Status;g=;v=v1']
TYPES = ['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', '*/*', 'application/*', 'text/html', 'text/plain', 'application/cbor', 'APPLICATION/JSON', 'application/json-seq', 'application/cbor-seq', 'image/png', 'application/merge-patch+json', 'json', '', 'text/*', 'application/json, ']
LABELS = ['app=sample', 'app!=sample', 'app in (sample,other)', 'app notin (a)', 'app', '!app', 'tier=a', 'tier==b', 'tier', 'round', 'a=', 'a==', '=', 'a b', 'a in ()', 'a in (', 'a,b', ',', 'a>1', 'a<x', 'a>1,b<2', 'A_b/c=d', 'a/b/c', '-a', 'a=-', 'a = b', 'a=b,,', 'app=sample,tier=a',
          'a!', 'in in (in)', 'a notin', 'a=' + 'x' * 64, 'x' * 254, 'a==b,a!=b', 'a=b=c', '(', '!', '!a=b', 'é', 'a\t=b', 'exists', 'a=in', 'a in (b c)', 'a in (,)', 'app in (sample, )', 'kubernetes.io/metadata.name=samples', 'notin=in', 'a===b']
FIELDS = ['metadata.name=sample', 'metadata.namespace=samples', 'metadata.name!=sample', 'metadata.namespace!=samples', 'metadata.name==none', 'metadata.uid=1', 'metadata.labels.a=b', 'spec.nodeName=', 'spec.nodeName=sample', 'status.phase=Running', 'status.phase!=Pending', 'spec.restartPolicy=Always', 'spec.schedulerName=default-scheduler',
          'spec.serviceAccountName=default', 'status.podIP=', 'status.podIPs=', 'status.nominatedNodeName=', 'spec.hostNetwork=false', 'involvedObject.kind=Pod', 'involvedObject.name=p', 'involvedObject.namespace=samples', 'involvedObject.uid=', 'involvedObject.apiVersion=', 'involvedObject.resourceVersion=',
          'involvedObject.fieldPath=', 'reason=Sampled', 'reportingComponent=example.com/sampler', 'source=', 'type=Normal', 'type=Opaque', 'spec.unschedulable=false', 'spec.unschedulable=true', 'spec.type=ClusterIP', 'spec.clusterIP=None', 'status.replicas=0', 'status.successful=0', 'status.successful=1', 'spec.signerName=example.com/sample',
          'regarding.name=p', 'regarding.kind=Pod', 'reportingController=example.com/sampler', 'metadata.name', 'metadata.name=', '=', 'metadata.name=a=b', 'metadata.name=a,metadata.namespace=b', ',', 'metadata.name=sample,', 'metadata.name=a\\,b', 'metadata.name=\\', 'nothing=1', 'metadata.name in (a)', 'metadata.name=sample,metadata.name!=sample',
          'spec.nodeName!=', 'spec.driver=gpu.example.com', 'spec.pool.name=sample', 'spec.name=a', 'status.active=1', 'spec.nodeName', ' metadata.name = sample', 'metadata.name=A', 'spec.scope=Namespaced', 'roleRef.name=sample', 'involvedObject.name=p,reason=Sampled', 'spec.backoffLimit=1']
REVISIONS = ['0', '1', '', 'abc', '-1', '99999999999', '99999999999999999999', '{now}', '{now}', '01', '1.5']


def escaped(text):
    return ''.join(c if c.isalnum() or c in '-_.~!*()/=,' else ''.join('%%%02X' % b for b in c.encode()) for c in text)


def accept(chance):
    how = chance.random()
    if how < 0.35:
        return {}
    if how < 0.5:
        return {'Accept': chance.choice(TYPES)}
    if how < 0.75:
        return {'Accept': chance.choice(TYPES[:3]) + ';' + chance.choice(SHAPES)}
    clauses = [chance.choice(TYPES[:12]) + (';' + chance.choice(SHAPES) if chance.random() < 0.5 else '') + (';q=' + chance.choice(['0.1', '0.9', '1', '0', '2', 'x', '0.555']) if chance.random() < 0.4 else '') for _ in range(chance.choice((2, 2, 3)))]
    return {'Accept': chance.choice([',', ', ']).join(clauses)}


def listing(subject, chance, watch=False):
    """The options of a list or a watch."""
    options = []
    if chance.random() < 0.3:
        options.append('labelSelector=' + escaped(chance.choice(LABELS)))
    if chance.random() < 0.3:
        options.append('fieldSelector=' + escaped(chance.choice(FIELDS)))
    if chance.random() < 0.25:
        options.append('limit=' + chance.choice(['1', '2', '500', '0', '-1', 'a', '', '9223372036854775808', '1.0']))
    if chance.random() < 0.1:
        options.append('continue=' + chance.choice(['abc', '', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0', 'e30', '!!!', 'eyJ2Ijoib3RoZXIiLCJydiI6MSwic3RhcnQiOiJhIn0', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MCwic3RhcnQiOiJhIn0', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6LTEsInN0YXJ0Ijoic2FtcGxlIn0']))
    if subject.more and chance.random() < 0.5:
        options = [o for o in options if not o.startswith(('continue', 'limit'))] + ['continue=' + subject.more, 'limit=1']
    if chance.random() < 0.3:
        options.append('resourceVersion=' + chance.choice(REVISIONS))
    if chance.random() < 0.2:
        options.append('resourceVersionMatch=' + chance.choice(['Exact', 'NotOlderThan', 'exact', '']))
    if chance.random() < (0.5 if watch else 0.08):
        options.append('sendInitialEvents=' + chance.choice(['true', 'false', 'maybe', '', '1']))
    if chance.random() < (0.5 if watch else 0.05):
        options.append('allowWatchBookmarks=' + chance.choice(['true', 'false', '1', 'x']))
    if chance.random() < 0.08:
        options.append('includeObject=' + chance.choice(['None', 'Metadata', 'Object', 'none', '']))
    if chance.random() < 0.1:
        options.append(chance.choice(['pretty=true', 'pretty=false', 'pretty', 'timeoutSeconds=a', 'timeoutSeconds=1', 'watch=false', 'watch=0', 'watch=no', 'unknown=x', 'labelSelector=a;b', 'a=%zz', 'limit=1&limit=2', 'resourceVersion=0&resourceVersion=1', '=', '&&', 'labelSelector=%00', 'LimiT=1', 'export=true', 'exact=true', 'includeUninitialized=true',
                                      'shardSelector=x', 'labelSelector=a%2Bb', 'labelSelector=app+in+(sample)', 'fieldSelector=metadata.name%3Dsample', 'timeout=1', 'timeout=1s', 'timeout=-1s']))
    chance.shuffle(options)
    return options


def read(subject, chance):
    """A get or a list."""
    how = chance.random()
    if how < 0.3:
        path = subject.path + '/' + chance.choice([subject.name] * 4 + ['sample', 'none'])
        if chance.random() < 0.1 and subject.parts:
            path += '/' + chance.choice(sorted(subject.parts))
        options = [chance.choice(['resourceVersion=' + chance.choice(REVISIONS), 'pretty=true', 'includeObject=' + chance.choice(['None', 'Object', 'x']), 'unknown=1', 'resourceVersionMatch=Exact', 'labelSelector=a', 'watch=true&timeoutSeconds=1', 'dryRun=All', 'fieldSelector=x'])] if chance.random() < 0.3 else []
        return Request('get', 'GET', path + ('?' + '&'.join(options) if options else ''), headers=accept(chance))
    path = subject.path
    if '/namespaces/' in path and chance.random() < 0.2:
        path = path.replace('/namespaces/samples', '') if chance.random() < 0.7 else path.replace('/samples/', '/none/')
    return Request('list', 'GET', path + '?' + '&'.join(listing(subject, chance)), headers=accept(chance))


def watch(subject, chance):
    options = listing(subject, chance, True) + ['watch=' + chance.choice(['true', '1', 'true', 'True']), 'timeoutSeconds=1']
    if chance.random() < 0.5:
        options = [o for o in options if not o.startswith('resourceVersion')] + chance.choice([['resourceVersionMatch=NotOlderThan'], ['resourceVersion={now}'], ['resourceVersion=0']])
    path = subject.path + ('/' + subject.name if chance.random() < 0.1 else '')
    if chance.random() < 0.1:
        path = path.replace('/api/v1/', '/api/v1/watch/').replace('/v1/', '/v1/watch/') if '/api/' not in path else path.replace('/api/v1/', '/api/v1/watch/')
    return Request('watch', 'GET', path + '?' + '&'.join(options), headers=accept(chance) if chance.random() < 0.6 else {})


def odd(subject, chance):
    """Requests whose method, path, type or encoding is wrong."""
    item = subject.path + '/' + subject.name
    how = chance.random()
    if how < 0.3:
        path = chance.choice([subject.path, item, item + '/status', item + '/none', item + '/scale', item + '/status/more', subject.path + '/', item + '/', '/' + subject.path, subject.path.replace('/v1', '/v9'), subject.path + 'x', subject.path.upper(), '/apis', '/api', '/apis/', '/api/v1', '/apis/apps', '/apis/none', '/apis/apps/v1/',
                              '/version', '/healthz', '/openapi/v2', '/none', '/', '/metrics/x', '/api/v2', '/apis/apps/v9', '/livez/ping', '/readyz?verbose', '/healthz/none', '/openapi/v3', '/openapi/v3/api/v1', '/logs', '/.well-known/openid-configuration', '/openid/v1/jwks', item + '/proxy', item + '/log', '/api/v1/namespaces/samples/finalize',
                              '/apis/apps/v1/namespaces', '/api/v1/namespaces/samples/', '/api/v1/namespaces//pods', '/apis//v1', '/version/', '/debug/pprof', '/index.html', '/api/v1/proxy', '/api/v1/watch', '/api/v1/watch/namespaces/samples'])
        method = chance.choice(['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE', 'FOO', 'get', 'POST', 'PUT'])
        if method == 'DELETE' and path.rstrip('/') in (subject.path, '/' + subject.path.lstrip('/')):
            method = 'PUT'
        body = chance.choice([None, {}, subject.manifest]) if method in ('POST', 'PUT', 'PATCH') else None
        return Request('odd path', method, path, body, headers=accept(chance) if chance.random() < 0.3 else {})
    if how < 0.6:
        kind = chance.choice(['text/plain', 'application/xml', '', 'application/json; charset=latin1', 'application/yaml', 'application/vnd.kubernetes.protobuf', 'application/cbor', 'application/json;', 'APPLICATION/JSON', 'application/x-www-form-urlencoded', 'json', 'application/merge-patch+json', 'application/json-patch+json; charset=utf-8',
                              'application/apply-patch+cbor', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml', '*/*', 'application/json, application/yaml'])
        method, path = chance.choice([('POST', subject.path), ('PUT', item), ('PATCH', item), ('DELETE', item + 'x')])
        body = chance.choice([dict(subject.manifest, metadata=dict(subject.manifest['metadata'], name=subject.name)), {}, '', 'a: b', b'k8s\x00', b'k8s\x00\x0a\x00', '{"kind":"Nothing","apiVersion":"v1"}', '{"kind":"Pod"}', '[]', 'null', '{"apiVersion":"none/v1","kind":"Pod"}', '{"metadata":1}', '{"a":1}}', '{"kind":1}',
                              '{"apiVersion":"v1","kind":"Status"}', '{"apiVersion":"v1","kind":"List","items":[]}', 'true', '{"metadata":{"name":"x"},"metadata":{"name":"y"}}', '---\n---\n', '\t', '{"apiVersion":"a/b/c","kind":"x"}'])
        return Request('odd content', method, path + '?dryRun=All', body, content_type=kind)
    if how < 0.8:
        name = chance.choice(['a' * 300, 'a%2Fb', '%2E%2E', 'a%00', 'A', 'é', '%C3%A9', '%FF', 'a.b.c', 'a b'.replace(' ', '+'), 'a%20b', '%', '%2', '%zz', 'a;b', 'a:b', 'a@b', "a'b", '~', '.', 'a//b', '..%2f', '*', 'a?b', '%3f', 'a#b'.replace('#', '%23'), '-', '1', 'sample%0a', 'x' * 5000])
        method = chance.choice(['GET', 'GET', 'PUT', 'PATCH', 'DELETE'])
        body = chance.choice([None, {}, {'metadata': {'name': 'a'}}]) if method in ('PUT', 'PATCH') else None
        return Request('odd name', method, subject.path + '/' + name, body, content_type='application/merge-patch+json' if method == 'PATCH' else 'application/json')
    method, path = chance.choice([('POST', subject.path), ('PUT', item), ('PATCH', item), ('DELETE', item), ('DELETE', subject.path)])
    text = chance.choice(['dryRun=All&fieldManager=%20', 'dryRun=All&dryRun=bad', 'dryRun=None', 'fieldValidation=bad&dryRun=All', 'dryRun=All&pretty', 'dryRun=All;a=b', 'dryRun=%41ll', 'fieldManager=%zz&dryRun=All', 'dryRun=All&force=x', 'dryRun=All&fieldValidation=Strict&fieldValidation=Ignore', 'timeout=0s&dryRun=All',
                          'timeout=100h&dryRun=All', 'timeout=-1s&dryRun=All', 'timeout=5&dryRun=All', 'dryRun=All&orphanDependents=x', 'dryRun=All&propagationPolicy=x', 'dryRun=All&gracePeriodSeconds=x', 'dryRun=All&labelSelector=a%20b', 'dryRun=All&limit=x', 'dryRun=All&fieldSelector=x', 'dryRun=All&fieldManager=' + 'é' * 20, 'dryRun=All&fieldManager=' + 'b' * 128])
    body = dict(subject.manifest, metadata=dict(subject.manifest['metadata'], name=subject.name + 'x' * (method == 'POST'))) if method in ('POST', 'PUT') else {'metadata': {'labels': {'odd': 'x'}}} if method == 'PATCH' else None
    return Request('odd options', method, path + '?' + text, body, content_type='application/merge-patch+json' if method == 'PATCH' else 'application/json', headers=accept(chance) if chance.random() < 0.2 else {})
