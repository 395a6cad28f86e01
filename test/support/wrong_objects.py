"""Objects made wrong at random, by the server's own description of its types."""
import copy

TEXTS = ['', 'a', 'main', 'sample', 'A_b', 'a.b', 'a/b', 'example.com/a', '-a', 'a' * 64, 'a' * 254, '10.0.0.1', '10.0.0.0/24', 'fd00::1', '::1', '256.1.1.1', '/data', 'relative/..', '../up', '100m', '1Gi',
         '1.5', '-1', '0', 'Always', 'Never', 'IfNotPresent', 'TCP', 'UDP', 'ClusterFirst', 'true', '*', 'a b', 'http', 'https://example.com/', '2026-01-01T00:00:00Z', '*/5 * * * *', '50%', '150%', 'AAAA', 'é', 'Exists', 'In',
         'NoExecute', 'kubernetes.io/a', 'system:x', 'default', 'Guaranteed', '25 ', 'Local', 'None', 'x.k8s.io/y', 'requests.cpu', 'pods', 'cpu']
NUMBERS = [0, 1, -1, 2, 10, 80, 100, 101, 1000, 32767, 65535, 65536, 70000, 30000, 2147483647, 2147483648, -2147483648, 9223372036854775807, 600, 31536001]


class Schemas:
    """The server's own description of its types."""

    def __init__(self, client):
        self.types, self.root = {}, {}
        for group in client.call('GET', '/openapi/v3')[1]['paths'].values():
            document = client.call('GET', group['serverRelativeURL'])[1]
            for name, schema in document.get('components', {}).get('schemas', {}).items():
                self.types[name] = schema
                for kind in schema.get('x-kubernetes-group-version-kind', []):
                    api = (kind['group'] + '/' if kind['group'] else '') + kind['version']
                    self.root.setdefault((api, kind['kind']), schema)

    def resolve(self, schema):
        while True:
            if '$ref' in schema:
                schema = self.types[schema['$ref'].rsplit('/', 1)[1]]
            elif len(schema.get('allOf', [])) == 1:
                schema = schema['allOf'][0]
            else:
                return schema

    def value(self, schema, chance, depth):
        schema = self.resolve(schema)
        kind = schema.get('type')
        if schema.get('format') == 'int-or-string' or 'oneOf' in schema:
            return chance.choice(NUMBERS[:12] + TEXTS[:40])
        if kind == 'object' and 'properties' in schema:
            names = sorted(schema['properties'])
            wanted = set(schema.get('required', [])) | set(chance.sample(names, min(len(names), chance.randint(0, 2))))
            return {name: self.value(schema['properties'][name], chance, depth - 1) for name in sorted(wanted)} if depth > 0 else {}
        if kind == 'object':
            more = schema.get('additionalProperties')
            return {chance.choice(TEXTS): self.value(more, chance, depth - 1) for _ in range(chance.randint(0, 2))} if isinstance(more, dict) and depth > 0 else {}
        if kind == 'array':
            return [self.value(schema['items'], chance, depth - 1) for _ in range(chance.randint(0, 2))] if depth > 0 else []
        if kind in ('integer', 'number'):
            return chance.choice(NUMBERS)
        if kind == 'boolean':
            return chance.random() < 0.5
        if 'enum' in schema and chance.random() < 0.7:
            return chance.choice(schema['enum'])
        return chance.choice(TEXTS)


def places(value, schema, schemas, path=()):
    """(container, key, path, schema) of all that is in an object; below metadata only labels, annotations and the like."""
    schema = schemas.resolve(schema or {})
    if isinstance(value, dict):
        for key in value:
            inner = schema.get('properties', {}).get(key) or (schema.get('additionalProperties') if isinstance(schema.get('additionalProperties'), dict) else {})
            if path == () and key in ('apiVersion', 'kind') or path == ('metadata',) and key in ('name', 'namespace'):
                continue
            yield value, key, path + (key,), inner
            yield from places(value[key], inner, schemas, path + (key,))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield value, at, path + (at,), schema.get('items', {})
            yield from places(item, schema.get('items', {}), schemas, path + (at,))


def objects_in(value, schema, schemas, path=()):
    """(object, schema) of all objects that have fields."""
    schema = schemas.resolve(schema or {})
    if isinstance(value, dict):
        if 'properties' in schema and path[:1] != ('metadata',):
            yield value, schema
        for key, inner in value.items():
            yield from objects_in(inner, schema.get('properties', {}).get(key) or {}, schemas, path + (key,))
    elif isinstance(value, list):
        for item in value:
            yield from objects_in(item, schema.get('items', {}), schemas, path)


def make_wrong(thing, schema, schemas, chance):
    thing = copy.deepcopy(thing)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        into, fields = chance.choice(list(objects_in(thing, schema, schemas)))
        names = [n for n in sorted(fields['properties']) if not (into is thing and n in ('apiVersion', 'kind', 'metadata', 'status'))]
        if names:
            name = chance.choice(names)
            into[name] = schemas.value(fields['properties'][name], chance, 4)
    for _ in range(chance.choice((0, 1, 1, 2))):
        there = list(places(thing, schema, schemas))
        if not there:
            break
        container, key, _, inner = chance.choice(there)
        how = chance.random()
        if how < 0.2:
            del container[key]
        elif how < 0.3 and isinstance(container, list):
            container.insert(key, copy.deepcopy(container[key]))
        elif how < 0.85 and inner:
            container[key] = schemas.value(inner, chance, 4)
        elif how < 0.9:
            container[key] = None
        else:
            container[key] = chance.choice(TEXTS + NUMBERS + [True, [], {}, ['a'], {'a': 'b'}])
    return thing
