"""Two servers asked the same: requests made of what the first answered are put into the other's terms, and answers are compared without what no two servers
have alike (uids, times, revisions, generated names, addresses). Whether a revision or uid is a new one or was seen before does count."""
import json
import os
import re

TOKEN = re.compile(r'eyJ[\w-]+\.[\w-]+\.[\w-]+')
TIME = re.compile(r'20(2[4-9]|3\d)-\d\d-\d\dT[\d:.]+Z')
UID = re.compile(r'[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}')
HASH = re.compile(r'(?<=X509SHA256=)\w+|(?<=[?]hash=)\w+')
ADDRESS = re.compile(r'10\.96\.\d+\.\d+')
AGE = re.compile(r'(\d+[smhdy]){1,2}|<invalid>')
IDENTITY = {'uid', 'resourceVersion'}
GIVEN = {'clusterIP', 'clusterIPs', 'nodePort', 'healthCheckNodePort'}
HEADERS = ('Content-Type', 'Warning', 'Location', 'Allow', 'Retry-After', 'WWW-Authenticate', 'Cache-Control', 'Vary', 'X-Content-Type-Options')


def anyone(text):
    for pattern, name in ((TOKEN, '<token>'), (UID, '<uid>'), (TIME, '<time>'), (ADDRESS, '<address>'), (HASH, '<hash>')):
        text = pattern.sub(name, text)
    return re.sub(r'(?i)((?:resource ?version|uid)(?:\\*"?: ?|:? )(?:\\*")?|current: |revision |in record \()\d+', r'\1<rv>', text)


def shape(text, length=190):
    return re.sub(r'\[(\d+|[^\]]*)\]', '[]', re.sub(r'"[^"]*"', '""', re.sub(r'-?\d+', '0', text)))[:length]


class Pairs:
    """What of the real server's values belongs to which of ours."""

    def __init__(self):
        self.ours, self.theirs = {}, {}    # (kind of value, theirs) -> ours, and back

    def learn(self, what, ours, theirs):
        """False if one of them was known with another partner."""
        known = self.ours.setdefault((what, theirs), ours), self.theirs.setdefault((what, ours), theirs)
        return known == (ours, theirs)

    def of(self, what, theirs):
        return self.ours.get((what, theirs), theirs)

    def translate(self, value, name=''):
        """A body in the other server's terms."""
        if isinstance(value, dict):
            last = value['path'].rsplit('/', 1)[-1] if isinstance(value.get('path'), str) and 'op' in value else ''
            return {k: self.translate(v, last if last and k == 'value' else k) for k, v in value.items()}
        if isinstance(value, list):
            return [self.translate(v, name) for v in value]
        return self.of(name, value) if isinstance(value, (str, int)) and not isinstance(value, bool) else value

    def text(self, text):
        """The same of a body that is no tree."""
        text = UID.sub(lambda m: self.of('uid', m[0]), text)
        return re.sub(r'(?<="resourceVersion": ")\d+', lambda m: self.of('resourceVersion', m[0]), text)

    def path(self, path):
        path = re.sub(r'(?<=resourceVersion=)\d+', lambda m: self.of('revision', m[0]), path)
        path = re.sub(r'(?<=continue=)[^&]+', lambda m: self.of('continue', m[0]), path)
        where, mark, query = path.partition('?')
        return '/'.join(self.of('name', segment) for segment in where.split('/')) + mark + query


def fields(entries):
    """Entries of managedFields without their times, in an order that does not depend on them; the order of keys in fieldsV1 counts."""
    return sorted(json.dumps({k: json.dumps(v) if k == 'fieldsV1' else v for k, v in entry.items() if k != 'time'}, sort_keys=True) for entry in entries)


def parted(ours, theirs):
    """Two texts from where they part."""
    same = len(os.path.commonprefix([ours, theirs]))
    return '...%s  OURS %s  THEIRS %s' % (re.sub(r'\d+', '0', ours[max(0, same - 40):same]), ours[same:same + 60], theirs[same:same + 60])


class Comparison:
    def __init__(self, pairs):
        self.pairs, self.found = pairs, []

    def differ(self, path, ours, theirs):
        if isinstance(ours, str) and isinstance(theirs, str):
            self.found.append('%s: %s' % (path, parted(anyone(ours), anyone(theirs))))
            return
        self.found.append('%s: ours %s, theirs %s' % (path or 'body', shape(json.dumps(ours), 150), shape(json.dumps(theirs), 150)))

    def values(self, ours, theirs, path='', name='', of_list=False):
        if isinstance(ours, dict) and isinstance(theirs, dict):
            self.objects(ours, theirs, path)
        elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
            if name == 'causes':
                key = lambda c: (str(c.get('field')), str(c.get('message')))    # noqa: E731
                ours, theirs = sorted(ours, key=key), sorted(theirs, key=key)
            for one, other in zip(ours, theirs):
                self.values(one, other, path + '[]', name)
        elif name == 'managedFields' and isinstance(ours, list) and isinstance(theirs, list):
            self.managed(ours, theirs, path)
        elif type(ours) is not type(theirs) or ours != theirs and not self.equivalent(name, ours, theirs, of_list):
            self.differ(path, ours, theirs)

    def objects(self, ours, theirs, path):
        of_list = 'items' in theirs or 'rows' in theirs or theirs.keys() >= {'type', 'object'}
        several = isinstance((theirs.get('details') or {}).get('causes'), list) and len(theirs['details']['causes']) > 1
        if theirs.get('generateName') and isinstance(theirs.get('name'), str) and isinstance(ours.get('name'), str) and len(ours['name']) == len(theirs['name']):
            self.pairs.learn('name', ours['name'], theirs['name'])
        before = len(self.found)
        for key in sorted(set(ours) | set(theirs)):
            if key == 'message' and 'details' in theirs and len(self.found) > before:
                continue    # it says what the causes say
            if key == 'message' and several and sorted(anyone(str(ours.get(key)))) == sorted(anyone(str(theirs.get(key)))):
                continue    # the order of complaints is left to chance
            if key == 'managedFields' and isinstance(ours.get(key), list) and isinstance(theirs.get(key), list):
                self.managed(ours[key], theirs[key], path + '.' + key)
            elif key in ours and key in theirs:
                self.values(ours[key], theirs[key], path + '.' + key, 'revision' if key == 'resourceVersion' and ('continue' in theirs or 'name' not in theirs) else key, of_list)
            else:
                self.found.append('%s.%s: ours %s, theirs %s' % (path, key, shape(json.dumps(ours[key]), 120) if key in ours else 'absent',
                                                                shape(json.dumps(theirs[key]), 120) if key in theirs else 'absent'))

    def managed(self, ours, theirs, path):
        ours, theirs = fields(ours), fields(theirs)
        only, missing = [e for e in ours if e not in theirs], [e for e in theirs if e not in ours]
        if only or missing:
            self.found.append('%s: ours %s, theirs %s' % (path, only, missing))

    def equivalent(self, name, ours, theirs, of_list):
        if isinstance(theirs, int) and not isinstance(theirs, bool) and name in GIVEN:
            return self.pairs.learn(name, ours, theirs)
        if isinstance(theirs, int) and name in ('remainingItemCount', 'observedGeneration'):
            return False
        if not isinstance(theirs, str):
            return False
        if name in ('revision', 'continue'):
            self.pairs.ours[name, theirs] = ours
            return bool(ours) == bool(theirs)
        if name in IDENTITY and ours and theirs:
            if name == 'resourceVersion':
                self.pairs.ours['revision', theirs] = ours
            return self.pairs.learn(name, ours, theirs)
        if name in GIVEN and ADDRESS.fullmatch(ours) and ADDRESS.fullmatch(theirs):
            return self.pairs.learn(name, ours, theirs)
        if name == 'name' and self.pairs.of('name', theirs) == ours or AGE.fullmatch(ours) and AGE.fullmatch(theirs):
            return True
        for (what, known), partner in list(self.pairs.ours.items()) if len(theirs) < 4000 else ():
            if what == 'name' and isinstance(known, str) and known in theirs:
                theirs = theirs.replace(known, partner)
        if TIME.fullmatch(ours) and TIME.fullmatch(theirs):
            self.pairs.ours[name, theirs] = ours
            return len(ours) == len(theirs)
        return anyone(ours) == anyone(theirs)


class Answer:
    """One server's answer; `events` of a watch that was read to its end."""

    def __init__(self, status, data, headers):
        self.status, self.data, self.headers = status, data, headers
        self.said = parse(data, headers.get('Content-Type') or '')

    def warnings(self):
        return sorted(self.headers.get_all('Warning') or [])


def parse(data, content_type):
    if not data:
        return None
    if 'protobuf' in content_type:
        return proto(data[4:]) if data[:4] == b'k8s\0' else data.hex()
    text = data.decode(errors='replace')
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return [json.loads(line) for line in text.splitlines()]
    except ValueError:
        return text


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value, at, shift = value | (byte & 127) << shift, at + 1, shift + 7
        if byte < 128:
            return value, at


def message(data):
    """{field: [values]} if the bytes can be one."""
    at, found = 0, {}
    while at < len(data):
        tag, at = varint(data, at)
        if tag >> 3 == 0 or tag & 7 not in (0, 1, 2, 5):
            raise ValueError
        if tag & 7 == 0:
            value, at = varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(tag & 7)
            if size is None:
                size, at = varint(data, at)
            if at + size > len(data):
                raise ValueError
            value, at = data[at:at + size], at + size
            value = proto(value) if tag & 7 == 2 else value.hex()
        found.setdefault('%d' % (tag >> 3), []).append(value)
    return found


def proto(data):
    try:
        return message(data) if data else ''
    except (ValueError, IndexError):
        return data.decode(errors='backslashreplace')


def plain_proto(value):
    """Without uids, times and revisions: what is a text of digits or a number of a time is left out."""
    if isinstance(value, dict):
        return {k: [plain_proto(v) for v in vs] for k, vs in value.items()}
    if isinstance(value, int):
        return '<time>' if value > 10 ** 9 else value
    if isinstance(value, str):
        return '<digits>' if re.fullmatch(r'\d+', value) else anyone(value)
    return value


def compare(ours, theirs, pairs):
    """What differs between two answers, each in one line; nothing if they are alike."""
    kind = [re.sub(r';.*', '', a.headers.get('Content-Type') or '') for a in (ours, theirs)]
    found = []
    if ours.status != theirs.status:
        said = [a.said.get('message', '') if isinstance(a.said, dict) and a.status >= 400 else '' for a in (ours, theirs)]
        if theirs.status == 0 and ours.status >= 400:
            return []    # it broke over a wrong request, which is not to be imitated
        return ['status %d, theirs %d: %s' % (ours.status, theirs.status, shape(anyone(' | '.join(str(s) for s in said)), 260))]
    for name in HEADERS:
        mine, other = ([anyone(v) for v in a.headers.get_all(name) or []] for a in (ours, theirs))
        if name == 'Warning':
            mine, other = sorted(mine), sorted(other)
        if mine != other and not ('name' in {w for w, _ in pairs.ours} and name == 'Location'):
            found.append('header %s: ours %s, theirs %s' % (name, shape(str(mine), 120), shape(str(other), 120)))
    if kind[0] == kind[1] and 'protobuf' in kind[0]:
        one, other = plain_proto(ours.said), plain_proto(theirs.said)
        if one != other:
            found.append('protobuf: ours %s, theirs %s' % (shape(json.dumps(one)), shape(json.dumps(other))))
    elif isinstance(ours.said, str) and isinstance(theirs.said, str):
        one, other = ([re.sub(r'(?<=[Vv]ersion: ")\d+|(?<=continue: ).*', '<rv>', anyone(line)) for line in a.said.splitlines()] for a in (ours, theirs))
        if one != other:
            found.append('text: ' + parted('\n'.join(one), '\n'.join(other)))
    elif type(ours.said) is not type(theirs.said):
        found.append('body: ours %s, theirs %s' % (shape(str(ours.said), 100), shape(str(theirs.said), 100)))
    else:
        comparison = Comparison(pairs)
        comparison.values(ours.said, theirs.said)
        found += [line.replace('\n', ' ') for line in comparison.found[:6]]
        if not comparison.found and isinstance(theirs.said, dict) and 'paths' not in theirs.said and keys(ours.said) != keys(theirs.said):
            found.append('order of keys: %s' % next('ours %s, theirs %s' % pair for pair in zip(keys(ours.said), keys(theirs.said)) if pair[0] != pair[1]))
    return found


def keys(value, name=''):
    """The keys of objects in their order, where that is told by their types."""
    if isinstance(value, dict):
        found = [name + ':' + ','.join(value)] if name not in ('managedFields', 'fieldsV1') else []
        for key, inner in value.items():
            if key != 'fieldsV1':
                found += keys(inner, key)
        return found
    return [k for item in value for k in keys(item, name)] if isinstance(value, list) else []
