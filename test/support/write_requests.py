"""Requests that change objects, as users' tools send them and slightly wrong: patches of every kind, server-side apply, updates, deletions, subresources."""
import copy
import json

from wrong_objects import NUMBERS, TEXTS, make_wrong, places

JSON, MERGE, STRATEGIC, APPLY = 'application/json-patch+json', 'application/merge-patch+json', 'application/strategic-merge-patch+json', 'application/apply-patch+yaml'
MANAGERS = ['first', 'second', 'kubectl']


class Request:
    def __init__(self, what, method, path, body=None, headers=None, content_type='application/json'):
        self.what, self.method, self.path, self.body, self.headers, self.content_type = what, method, path, body, dict(headers or {}), content_type

    def tell(self):
        return {'what': self.what, 'method': self.method, 'path': self.path, 'headers': self.headers, 'type': self.content_type if self.body is not None else None, 'body': self.body}


def query(chance, *more):
    """Options of a write: mostly none."""
    options = [text for text in more if text]
    if chance.random() < 0.3:
        options.append(chance.choice(['dryRun=All', 'dryRun=all', 'dryRun=', 'dryRun=All&dryRun=All', 'fieldValidation=Strict', 'fieldValidation=Warn', 'fieldValidation=Ignore', 'fieldValidation=strict', 'fieldManager=someone',
                                      'fieldManager=' + 'a' * 129, 'fieldManager=a%00b', 'pretty=true', 'unknown=1', 'timeout=5s', 'timeout=abc', 'force=true', 'fieldValidation=Strict', 'fieldValidation=Strict']))
    return '?' + '&'.join(options) if options else ''


def pointer(path):
    return ''.join('/' + str(part).replace('~', '~0').replace('/', '~1') for part in path)


def interesting(subject):
    """Places of the object that are worth a change: of its spec and data, and what of its metadata a user may write."""
    for container, key, path, schema in places(subject.there(), subject.schema, subject.schemas):
        if path[0] != 'metadata' or path[1:2] and path[1] in ('labels', 'annotations', 'finalizers', 'ownerReferences', 'name', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp'):
            if not subject.only_metadata or path[0] == 'metadata':
                yield container, key, path, schema


def json_patch(subject, chance):
    there = list(interesting(subject))
    patch = []
    if not there:
        return [{'op': 'remove', 'path': '/metadata/labels'}]
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        container, key, path, schema = chance.choice(there)
        where = pointer(path)
        how = chance.random()
        if how < 0.15 and isinstance(container, list):
            where = pointer(path[:-1]) + '/' + chance.choice(['-', '0', '5', '-1', '01', 'a', '1', ''])
        elif how < 0.25:
            where = chance.choice([where + '/more', '', '/', '/spec/nothing', where[1:], '/metadata/labels/a~1b', '/metadata/labels/a', where + '/0', '/metadata/annotations', '/metadata/labels', '//', '/metadata/labels/~2', where + '/'])
        op = {'op': chance.choice(['add', 'add', 'replace', 'replace', 'remove', 'test', 'move', 'copy', 'test'] if chance.random() < 0.95 else ['Add', '', 'bogus']), 'path': where}
        if op['op'] in ('move', 'copy'):
            op['from'] = pointer(chance.choice(there)[2]) if chance.random() < 0.9 else chance.choice(['', '/none', 'a'])
        elif op['op'] != 'remove':
            op['value'] = copy.deepcopy(container[key]) if chance.random() < (0.6 if op['op'] == 'test' else 0.1) else subject.schemas.value(schema, chance, 3) if schema and chance.random() < 0.8 else chance.choice(TEXTS[:8] + NUMBERS[:4] + [None, {}, [], ['a'], {'a': 'b'}])
        if chance.random() < 0.04:
            op.pop(chance.choice(sorted(op)))
        patch.append(op)
    if chance.random() < 0.05:
        patch = chance.choice([[], {}, None, 'a', [1], [[]], [None], {'metadata': {}}, [{'op': 1, 'path': '/a'}], '[{"op": "add"', [{'op': 'remove', 'path': '/metadata/labels/none'}]])
    return patch


def partial(subject, chance, directives, count=(1, 1, 2, 3)):
    """A part of the object with something else in it; with directives of a strategic patch here and there."""
    patch, there = {}, list(interesting(subject))
    if not there:
        return {'metadata': {'labels': {'a': 'b'}}}
    for _ in range(chance.choice(count)):
        container, key, path, schema = chance.choice(there)
        how, into, source = chance.random(), patch, subject.there()
        if how < 0.15:
            value = None
        elif how < 0.3:
            value = copy.deepcopy(container[key])
        elif how < 0.9 and schema:
            value = subject.schemas.value(schema, chance, 3)
        else:
            value = chance.choice(TEXTS[:6] + [1, True, [], {}, ['a'], {'a': 'b'}, [None], [{}]])
        for at, part in enumerate(path):
            last = at + 1 == len(path)
            inner = source[part]
            if isinstance(into, list):    # the item of a list, told by what may be its merge key
                item = {k: inner[k] for k in ('name', 'key', 'type', 'containerPort', 'port', 'protocol', 'ip', 'mountPath', 'uid', 'topologyKey', 'whenUnsatisfiable') if isinstance(inner, dict) and k in inner} if isinstance(inner, dict) else value
                if chance.random() < 0.08 and isinstance(item, dict):
                    item.pop(next(iter(item), None), None)
                into.append(item)
                into = item if isinstance(item, dict) else {}
            elif last:
                into[part] = value
            else:
                if not isinstance(into.get(part), type(inner)):
                    into[part] = type(inner)()
                into = into[part]
            source = inner
    if directives and chance.random() < 0.5:
        add_directive(patch, subject, chance)
    return patch


def add_directive(patch, subject, chance):
    inside = [patch] + [v for container in walk(patch) for v in (container.values() if isinstance(container, dict) else container) if isinstance(v, dict)]
    into = chance.choice(inside)
    lists = [k for container in walk(subject.there()) if isinstance(container, dict) for k, v in container.items() if isinstance(v, list) and k != 'managedFields'] or ['containers']
    mine = [k for k, v in into.items() if isinstance(v, list)] or lists
    which = chance.random()
    name = chance.choice(mine)
    order = chance.choice([[{'name': 'main'}, {'name': 'b'}], ['a', 'b'], [{'port': 80}], [], 'a', None, [{'name': 'main'}], [1], [{'containerPort': 80}, {'containerPort': 81, 'protocol': 'TCP'}]])
    if which < 0.4:
        into['$patch'] = chance.choice(['delete', 'replace', 'merge', 'bogus', '', 1, None, 'delete', 'replace'])
    elif which < 0.6:
        into['$retainKeys'] = chance.choice([sorted(into), sorted(into)[:1], ['type'], ['a'], [], 'a', None, [1], sorted(into) + ['other']])
    elif which < 0.8:
        into['$setElementOrder/' + name] = order
    elif which < 0.95:
        into['$deleteFromPrimitiveList/' + chance.choice(mine + ['finalizers', 'accessModes'])] = chance.choice([['a'], ['example.com/keep'], [], 'a', None, [1], [{'name': 'a'}]])
    else:
        into[chance.choice(['$unknown', '$setElementOrder/', '$deleteFromPrimitiveList/none', '$setElementOrder', '$'])] = ['a']
    for container in list(walk(patch)):    # an item of a list that is to go, or a directive for the whole list
        if isinstance(container, list) and chance.random() < 0.15:
            container.append(chance.choice([{'$patch': 'replace'}, {'$patch': 'delete', 'name': 'main'}, {'$patch': 'delete'}, {'name': 'main', '$patch': 'merge'}, {'$patch': 'delete', 'name': 'none'}]))
            break


def walk(value):
    if isinstance(value, (dict, list)):
        yield value
        for inner in value.values() if isinstance(value, dict) else value:
            yield from walk(inner)


def applied(subject, chance):
    """What one of several managers wants of the object: a part of the manifest, some of it changed."""
    wanted = copy.deepcopy(subject.manifest)
    for key in sorted(wanted):
        if key not in ('apiVersion', 'kind', 'metadata', 'spec') and chance.random() < 0.3:
            del wanted[key]
    if isinstance(wanted.get('spec'), dict):
        for key in sorted(wanted['spec']):
            if chance.random() < 0.3:
                del wanted['spec'][key]
    if chance.random() < 0.6 and not subject.only_metadata:
        wanted = make_wrong(wanted, subject.schema, subject.schemas, chance)
    if not isinstance(wanted.get('metadata'), dict):
        wanted['metadata'] = {}
    wanted.update(apiVersion=subject.manifest['apiVersion'], kind=subject.manifest['kind'])
    wanted['metadata']['name'] = subject.name
    for what in ('labels', 'annotations'):
        if chance.random() < 0.5:
            wanted['metadata'][what] = {chance.choice('abc'): chance.choice('xyz') for _ in range(2)}
    if chance.random() < 0.15:
        wanted['metadata']['finalizers'] = chance.sample(['example.com/keep', 'example.com/a', 'example.com/b'], 2)
    if chance.random() < 0.1:
        wanted['metadata'].update(chance.choice([{'managedFields': []}, {'managedFields': [{'manager': 'a'}]}, {'resourceVersion': '1'}, {'resourceVersion': subject.object.get('metadata', {}).get('resourceVersion', '')}, {'uid': 'none'},
                                                 {'name': 'another'}, {'namespace': 'default'}, {'creationTimestamp': None}, {'generateName': 'a'}, {'managedFields': None}, {'name': ''}]))
    if chance.random() < 0.05:
        wanted.update(chance.choice([{'kind': 'Nothing'}, {'apiVersion': 'none/v9'}, {'apiVersion': None}, {'kind': ''}, {'unknown': 1}, {'status': {}}, {'apiVersion': 'v1'}]))
    return wanted


def apply(subject, chance, path, sub=''):
    force = chance.choice(['', '', 'force=true', 'force=false', 'force=1', 'force=maybe'] if chance.random() < 0.3 else ['', 'force=true'])
    manager = 'fieldManager=' + chance.choice(MANAGERS) if chance.random() < 0.97 else ''
    body = applied(subject, chance)
    if sub == 'status':
        body = {k: v for k, v in body.items() if k in ('apiVersion', 'kind', 'metadata')}
        body['status'] = status_of(subject, chance)
    if chance.random() < 0.03:
        body = chance.choice(['', 'a: [', '- a', '1', 'null', '{}', 'apiVersion: v1\nkind: ConfigMap\n', b'\xff'])
    return Request('apply' + sub, 'PATCH', path + query(chance, manager, force), body, content_type=APPLY)


def status_of(subject, chance):
    schema = subject.schemas.resolve(subject.schema)['properties'].get('status')
    return subject.schemas.value(schema, chance, 4) if schema else {}


def patch(subject, chance, path, sub=''):
    which = chance.choice([JSON, MERGE, STRATEGIC, STRATEGIC, APPLY, APPLY])
    if which == APPLY:
        return apply(subject, chance, path, sub)
    body = json_patch(subject, chance) if which == JSON else partial(subject, chance, which == STRATEGIC)
    if sub == 'status' and which != JSON:
        body = {'status': status_of(subject, chance)}
        if which == STRATEGIC and chance.random() < 0.3:
            add_directive(body, subject, chance)
    if chance.random() < 0.03 and which != JSON:
        body = chance.choice([[], 'a', None, {}, '{"a":', b'{"metadata":{"labels":{"a":"b","a":"c"}}}', '{"spec":1}', b'', '[]', b'{"metadata":{"labels":{"\xff":"b"}}}', {'metadata': None}, {'kind': 'Other'}, {'apiVersion': 'v9'}])
    if chance.random() < 0.2 and which != JSON and isinstance(body, dict):
        body = dict(body, metadata=dict(body.get('metadata') or {} if isinstance(body.get('metadata'), dict) else {}, **chance.choice([
            {'resourceVersion': '1'}, {'resourceVersion': subject.object.get('metadata', {}).get('resourceVersion')}, {'uid': 'none'}, {'name': 'another'}, {'labels': None}, {'labels': {'a': None, 'b': 'c'}}, {'finalizers': ['example.com/keep']},
            {'labels': {'a': 1}}, {'ownerReferences': [{'apiVersion': 'v1', 'kind': 'Pod', 'name': 'p', 'uid': 'u'}]}, {'annotations': {'A b': 'c'}}, {'managedFields': []}, {'managedFields': [{}]}, {'unknown': 1}, {'generation': 9}])))
    name = {JSON: 'JSON patch', MERGE: 'merge patch', STRATEGIC: 'strategic patch'}[which]
    return Request(name + (' of ' + sub if sub else ''), 'PATCH', path + query(chance), body, content_type=which)


def update(subject, chance, path, sub=''):
    body = copy.deepcopy(subject.there())
    if not subject.only_metadata and chance.random() < 0.7:
        body = make_wrong(body, subject.schema, subject.schemas, chance)
    metadata = body['metadata'] if isinstance(body.get('metadata'), dict) else {}
    body['metadata'] = metadata
    if sub == 'status':
        body['status'] = status_of(subject, chance)
    if chance.random() < 0.5:
        metadata.update(chance.choice([{'resourceVersion': ''}, {'resourceVersion': '1'}, {'resourceVersion': '0'}, {'resourceVersion': 'abc'}, {'resourceVersion': '-1'}, {'resourceVersion': 5}, {'uid': '11111111-2222-3333-4444-555555555555'}, {'uid': ''}, {'name': ''}, {'name': 'another'},
                                       {'namespace': 'default'}, {'namespace': ''}, {'creationTimestamp': '2025-01-01T00:00:00Z'}, {'creationTimestamp': None}, {'generation': 7}, {'deletionTimestamp': '2026-01-01T00:00:00Z'},
                                       {'managedFields': None}, {'managedFields': []}, {'managedFields': [{}]}, {'finalizers': ['example.com/keep']}, {'finalizers': ['bad']}, {'finalizers': []}, {'labels': {'a': 'b'}}, {'labels': {'a/b/c': 'd'}}, {'labels': {'a': '-'}}, {'annotations': {'a': 'b' * 300000}},
                                       {'ownerReferences': [{'apiVersion': 'v1', 'kind': 'Pod', 'name': 'p', 'uid': 'u', 'controller': True}] * 2}, {'ownerReferences': [{'apiVersion': 'v1', 'kind': 'Event', 'name': '', 'uid': ''}]}, {'generateName': 'a'}, {'selfLink': 'x'}, {'deletionGracePeriodSeconds': 5},
                                       {'managedFields': [{'manager': 'm', 'operation': 'Update', 'apiVersion': 'v1', 'time': '2026-01-01T00:00:00Z', 'fieldsType': 'FieldsV1', 'fieldsV1': {'f:metadata': {}}}]}]))
    if chance.random() < 0.05:
        body.update(chance.choice([{'kind': 'Nothing'}, {'apiVersion': 'none/v9'}, {'kind': ''}, {'apiVersion': ''}, {'unknown': 1}, {'metadata': None}, {'metadata': {}}]))
    text = body
    if chance.random() < 0.05:
        text = json.dumps(body).replace('{', '{"kind":"%s",' % body.get('kind'), 1) if chance.random() < 0.5 else json.dumps(body)[:-1]
    return Request('update' + (' of ' + sub if sub else ''), 'PUT', path + query(chance), text)


def create(subject, chance):
    body = copy.deepcopy(subject.manifest)
    body['metadata']['name'] = subject.name
    body['metadata']['labels'] = {'round': subject.name, 'tier': chance.choice(['a', 'b'])}
    if chance.random() < 0.35 and not subject.only_metadata:
        body = make_wrong(body, subject.schema, subject.schemas, chance)
        body['metadata'] = body['metadata'] if isinstance(body.get('metadata'), dict) else {}
        body['metadata']['name'] = subject.name
    if chance.random() < 0.2:
        body['metadata'].update(chance.choice([{'finalizers': ['example.com/keep']}, {'generateName': 'made-'}, {'name': '', 'generateName': subject.name + '-'}, {'uid': 'mine'}, {'resourceVersion': '5'}, {'creationTimestamp': '2025-01-01T00:00:00Z'}, {'generation': 7}, {'selfLink': 'x'},
                                               {'deletionTimestamp': '2026-01-01T00:00:00Z'}, {'namespace': 'other'}, {'name': ''}, {'name': 'A b'}, {'name': 'a' * 254}, {'managedFields': [{'manager': 'm'}]}, {'ownerReferences': []}, {'annotations': {'kubectl.kubernetes.io/last-applied-configuration': '{}'}}]))
    return Request('create', 'POST', subject.path + query(chance), body)


def delete(subject, chance, path):
    """Of one object or of a collection."""
    body, options = None, []
    metadata = subject.object.get('metadata', {})
    if chance.random() < 0.6:
        body = {}
        for _ in range(chance.choice((1, 1, 2))):
            body.update(chance.choice([{'preconditions': {'uid': metadata.get('uid')}}, {'preconditions': {'uid': 'other'}}, {'preconditions': {'resourceVersion': metadata.get('resourceVersion')}}, {'preconditions': {'resourceVersion': '1'}}, {'preconditions': {}}, {'preconditions': None},
                                       {'preconditions': {'resourceVersion': ''}}, {'propagationPolicy': 'Foreground'}, {'propagationPolicy': 'Background'}, {'propagationPolicy': 'Orphan'}, {'propagationPolicy': 'orphan'}, {'propagationPolicy': ''}, {'orphanDependents': True}, {'orphanDependents': False}, {'gracePeriodSeconds': 0},
                                       {'gracePeriodSeconds': 5}, {'gracePeriodSeconds': -1}, {'gracePeriodSeconds': 'a'}, {'dryRun': ['All']}, {'dryRun': ['All', 'All']}, {'dryRun': ['Some']}, {'dryRun': []}, {'kind': 'DeleteOptions', 'apiVersion': 'v1'}, {'kind': 'Other'}, {'kind': 'DeleteOptions', 'apiVersion': 'meta.k8s.io/v1'},
                                       {'kind': 'Pod', 'apiVersion': 'v1'}, {'unknown': 1}, {'ignoreStoreReadErrorWithClusterBreakingPotential': True}, {'kind': 'DeleteOptions', 'apiVersion': 'apps/v1'}, {'preconditions': {'uid': metadata.get('uid'), 'resourceVersion': metadata.get('resourceVersion')}}]))
        if chance.random() < 0.05:
            body = chance.choice(['', 'a', '[]', 'null', '{', '{"a":1,"a":2}', 'propagationPolicy: Orphan'])
    if chance.random() < 0.3:
        options = [chance.choice(['gracePeriodSeconds=0', 'gracePeriodSeconds=a', 'gracePeriodSeconds=-5', 'propagationPolicy=Foreground', 'propagationPolicy=no', 'orphanDependents=true', 'orphanDependents=maybe', 'dryRun=All', 'dryRun=no', 'resourceVersion=1', 'preconditions=x', 'pretty=1', 'ignoreStoreReadErrorWithClusterBreakingPotential=true',
                                  'orphanDependents=true&propagationPolicy=Orphan'])]
    return Request('delete', 'DELETE', path + query(chance, *options), body, content_type=chance.choice(['application/json'] * 8 + ['application/yaml', 'text/plain', '']))


def scale(subject, chance, path):
    replicas = chance.choice([0, 1, 3, -1, 'a', None, 2147483648])
    metadata = chance.choice([{'name': subject.name, 'namespace': 'samples'}, {'name': subject.name}, {}, {'name': 'other'}, {'name': subject.name, 'resourceVersion': '1'}, {'name': subject.name, 'uid': 'x'},
                              {'name': subject.name, 'resourceVersion': subject.object.get('metadata', {}).get('resourceVersion')}])
    body = {'apiVersion': chance.choice(['autoscaling/v1'] * 6 + ['v1', 'autoscaling/v2', '']), 'kind': chance.choice(['Scale'] * 9 + ['Other']), 'metadata': metadata, 'spec': {'replicas': replicas}}
    how = chance.random()
    if how < 0.2:
        return Request('get scale', 'GET', path)
    if how < 0.5:
        return Request('update of scale', 'PUT', path + query(chance), body)
    if how < 0.7:
        return Request('apply of scale', 'PATCH', path + query(chance, 'fieldManager=' + chance.choice(MANAGERS), chance.choice(['', 'force=true'])), dict(body, metadata={'name': subject.name}), content_type=APPLY)
    kind = chance.choice([JSON, MERGE, STRATEGIC])
    change = [{'op': chance.choice(['replace', 'test', 'add', 'remove']), 'path': '/spec/replicas', 'value': replicas}] if kind == JSON else {'spec': {'replicas': replicas}}
    return Request('patch of scale', 'PATCH', path + query(chance), change, content_type=kind)


def pod_part(subject, chance, path):
    """What only pods have: eviction, binding, ephemeral containers, resize."""
    name = {'name': subject.name, 'namespace': 'samples'}
    which = chance.randrange(4)
    if which == 0:
        body = {'apiVersion': chance.choice(['policy/v1'] * 5 + ['policy/v1beta1', 'v1']), 'kind': chance.choice(['Eviction'] * 6 + ['Pod']), 'metadata': chance.choice([name] * 4 + [{}, {'name': 'other'}]),
                'deleteOptions': chance.choice([{}, {'gracePeriodSeconds': 0}, {'dryRun': ['All']}, {'preconditions': {'uid': 'x'}}, {'preconditions': {'resourceVersion': '1'}}, {'dryRun': ['no']}, None, {'propagationPolicy': 'no'}])}
        return Request('eviction', 'POST', path + '/eviction' + query(chance), body)
    if which == 1:
        body = {'apiVersion': 'v1', 'kind': chance.choice(['Binding'] * 6 + ['Pod']), 'metadata': chance.choice([name] * 3 + [{}, {'name': 'other'}, dict(name, uid='x'), dict(name, annotations={'a': 'b'}), dict(name, labels={'a': 'b'})]),
                'target': chance.choice([{'kind': 'Node', 'name': 'sample'}, {'name': 'n'}, {'kind': 'Pod', 'name': 'n'}, {'kind': 'Node'}, {}, None, {'kind': 'Node', 'name': 'sample', 'uid': 'u'}])}
        return Request('binding', 'POST', chance.choice([path + '/binding', subject.path.replace('/pods', '/bindings')]) + query(chance), body)
    schema = subject.schemas.resolve(subject.schemas.resolve(subject.schema)['properties']['spec'])
    if which == 2:
        containers = [dict(subject.schemas.value(schema['properties']['ephemeralContainers']['items'], chance, 3), **chance.choice([{'name': 'debug', 'image': 'i', 'imagePullPolicy': 'Always', 'terminationMessagePolicy': 'File'}, {'name': 'debug', 'image': 'i'}, {'name': 'main'}, {}]))]
        containers = chance.choice([containers, [{'name': 'debug', 'image': 'i', 'targetContainerName': 'main'}], []])
        if chance.random() < 0.5:
            return Request('patch of ephemeralcontainers', 'PATCH', path + '/ephemeralcontainers' + query(chance), {'spec': {'ephemeralContainers': containers}}, content_type=chance.choice([STRATEGIC, MERGE]))
        body = copy.deepcopy(subject.there())
        body.setdefault('spec', {})['ephemeralContainers'] = containers
        return Request('update of ephemeralcontainers', 'PUT', path + '/ephemeralcontainers' + query(chance), body)
    resources = chance.choice([{'requests': {'cpu': '100m'}}, {'limits': {'cpu': '100m', 'memory': '1Gi'}, 'requests': {'cpu': '100m', 'memory': '1Gi'}}, {'requests': {'cpu': 'a'}}, {'limits': {'cpu': '1'}, 'requests': {'cpu': '2'}}, {}, {'limits': {'example.com/a': '1'}}, {'requests': {'ephemeral-storage': '1Gi'}}])
    body = {'spec': {'containers': [{'name': chance.choice(['main', 'main', 'other']), 'resources': resources}]}}
    if chance.random() < 0.7:
        return Request('patch of resize', 'PATCH', path + '/resize' + query(chance), body, content_type=chance.choice([STRATEGIC, STRATEGIC, MERGE]))
    whole = copy.deepcopy(subject.there())
    whole = make_wrong(whole, subject.schema, subject.schemas, chance)
    whole['metadata'] = subject.there()['metadata']
    return Request('update of resize', 'PUT', path + '/resize' + query(chance), whole)


def token(subject, chance, path):
    body = {'apiVersion': chance.choice(['authentication.k8s.io/v1'] * 5 + ['v1', '']), 'kind': chance.choice(['TokenRequest'] * 6 + ['Pod', '']), 'metadata': chance.choice([{}, {'name': subject.name}, {'name': 'x', 'namespace': 'y'}]),
            'spec': chance.choice([{'audiences': ['a']}, {}, {'expirationSeconds': 600}, {'expirationSeconds': 5}, {'expirationSeconds': 4294967297}, {'boundObjectRef': {'kind': 'Pod', 'apiVersion': 'v1', 'name': 'sample'}}, {'boundObjectRef': {'kind': 'Pod', 'name': 'none', 'apiVersion': 'v1'}},
                                   {'boundObjectRef': {'kind': 'Secret', 'apiVersion': 'v1', 'name': 'sample', 'uid': 'x'}}, {'boundObjectRef': {'kind': 'ConfigMap', 'apiVersion': 'v1', 'name': 'sample'}}, {'boundObjectRef': {}}, {'audiences': ['']}, {'boundObjectRef': {'kind': 'Node', 'apiVersion': 'v1', 'name': 'sample'}}])}
    return Request('token', 'POST', path + '/token' + query(chance), body)


def change(subject, chance):
    """One request that changes the subject."""
    path, how = subject.path + '/' + subject.name, chance.random()
    if chance.random() < 0.03:
        path = subject.path + '/' + chance.choice(['none', 'A', 'a%20b', '%2e', 'a%2fb', 'é', '..'])
    if 'scale' in subject.parts and how < 0.25:
        return scale(subject, chance, path + '/scale')
    if subject.kind == 'Pod' and how < 0.35:
        return pod_part(subject, chance, path)
    if subject.kind == 'ServiceAccount' and how < 0.25:
        return token(subject, chance, path)
    if 'status' in subject.parts and how < 0.4:
        if chance.random() < 0.4:
            return update(subject, chance, path + '/status', 'status')
        return patch(subject, chance, path + '/status', 'status')
    if how < 0.8:
        return patch(subject, chance, path)
    if how < 0.95:
        return update(subject, chance, path)
    return delete(subject, chance, path)
