"""Stock kubectl against a fresh Sampan. SAMPAN and KUBECTL name the binaries."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'support'))
import manifests  # noqa: E402
import servers  # noqa: E402

KUBECTL = os.environ.get('KUBECTL', 'kubectl')
DEPLOYMENT = {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'metadata': {'name': 'web', 'labels': {'app': 'web'}},
              'spec': {'replicas': 2, 'selector': {'matchLabels': {'app': 'web'}},
                       'template': {'metadata': {'labels': {'app': 'web'}}, 'spec': {'containers': [{'name': 'main', 'image': 'registry.example.com/web:1'}]}}}}


class WithServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Sampan(os.environ.get('SAMPAN', servers.DEFAULT_BINARY))
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        home = tempfile.TemporaryDirectory(prefix='sampan-kubectl-')
        cls.addClassCleanup(home.cleanup)
        cls.home = pathlib.Path(home.name)
        cls.env = dict(os.environ, KUBECONFIG=str(cls.server.kubeconfig), HOME=home.name, KUBECACHEDIR=home.name)

    def start(self, *arguments, **more):
        return subprocess.Popen([KUBECTL] + [str(a) for a in arguments], env=dict(self.env, **more.pop('env', {})), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)

    def k(self, *arguments, stdin=None, want=0, env=None):
        """Standard output of a kubectl that must end with `want`; None for any."""
        if stdin is not None and not isinstance(stdin, str):
            stdin = json.dumps(stdin)
        done = subprocess.run([KUBECTL] + [str(a) for a in arguments], env=dict(self.env, **(env or {})), input=stdin or '', capture_output=True, text=True, timeout=60)
        self.stderr = done.stderr
        if want is not None:
            self.assertEqual(done.returncode, want, 'kubectl %s: %s%s' % (' '.join(map(str, arguments)), done.stdout[-1500:], done.stderr[-1500:]))
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.k(*arguments, '-o', 'json'))


class Commands(WithServer):
    def setUp(self):
        self.ns = 'k-' + self._testMethodName[5:].replace('_', '-')
        self.k('create', 'namespace', self.ns)

    def n(self, *arguments, **more):
        return self.k('-n', self.ns, *arguments, **more)

    def web(self):
        return self.n('apply', '-f', '-', stdin=DEPLOYMENT)

    def test_apply(self):
        self.assertEqual(self.web(), 'deployment.apps/web created\n')
        self.assertEqual(self.web(), 'deployment.apps/web unchanged\n')
        changed = json.loads(json.dumps(DEPLOYMENT))
        changed['spec']['template']['spec']['containers'].append({'name': 'side', 'image': 'registry.example.com/side:1'})
        del changed['metadata']['labels']
        self.assertEqual(self.n('apply', '-f', '-', stdin=changed), 'deployment.apps/web configured\n')
        live = self.json('-n', self.ns, 'get', 'deployment', 'web')
        self.assertEqual([c['name'] for c in live['spec']['template']['spec']['containers']], ['main', 'side'])
        self.assertNotIn('labels', live['metadata'])
        self.assertIn('"name":"side"', self.n('apply', 'view-last-applied', 'deployment/web', '-o', 'json').replace(' ', ''))
        server = json.loads(json.dumps(DEPLOYMENT))
        server['spec']['replicas'] = 7
        self.n('apply', '--server-side', '--field-manager=other', '-f', '-', stdin=server, want=1)
        self.assertIn('conflict with "kubectl-client-side-apply"', self.stderr)
        self.assertIn('serverside-applied', self.n('apply', '--server-side', '--force-conflicts', '--field-manager=other', '-f', '-', stdin=server))
        self.assertEqual(self.n('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'), '7')
        self.assertIn('(server dry run)', self.n('apply', '--dry-run=server', '-f', '-', stdin=dict(DEPLOYMENT, metadata={'name': 'dry'})))
        self.n('get', 'deployment', 'dry', want=1)

    def test_apply_prune(self):
        def maps(*names):
            return {'apiVersion': 'v1', 'kind': 'List', 'items': [{'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': n, 'labels': {'set': 'a'}}} for n in names]}
        self.n('apply', '-f', '-', '--prune', '-l', 'set=a', stdin=maps('one', 'two'))
        self.assertIn('configmap/two pruned', self.n('apply', '-f', '-', '--prune', '-l', 'set=a', stdin=maps('one')))

    def test_create(self):
        for arguments, want in ((('configmap', 'c', '--from-literal=a=b'), 'configmap/c'), (('secret', 'generic', 's', '--from-literal=a=b'), 'secret/s'),
                                (('deployment', 'd', '--image=i:1', '--replicas=2'), 'deployment.apps/d'), (('service', 'clusterip', 's', '--tcp=80:8080'), 'service/s'),
                                (('job', 'j', '--image=i'), 'job.batch/j'), (('cronjob', 'j', '--image=i', '--schedule=* * * * *'), 'cronjob.batch/j'),
                                (('role', 'r', '--verb=get', '--resource=pods'), 'role.rbac.authorization.k8s.io/r'), (('rolebinding', 'b', '--role=r', '--user=u'), 'rolebinding.rbac.authorization.k8s.io/b'),
                                (('serviceaccount', 'robot'), 'serviceaccount/robot'), (('quota', 'q', '--hard=pods=9'), 'resourcequota/q'),
                                (('poddisruptionbudget', 'p', '--selector=a=b', '--min-available=1'), 'poddisruptionbudget.policy/p'),
                                (('ingress', 'i', '--rule=a.example.com/*=s:80'), 'ingress.networking.k8s.io/i')):
            self.assertEqual(self.n('create', *arguments), want + ' created\n')
        self.n('create', 'configmap', 'c', want=1)
        self.assertIn('configmaps "c" already exists', self.stderr)
        self.assertEqual(self.n('create', 'configmap', 'dry', '--dry-run=server', '-o', 'name'), 'configmap/dry\n')
        self.n('create', '-f', '-', stdin={'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'x'}, 'dta': {}}, want=1)
        self.assertIn('unknown field "dta"', self.stderr)

    def test_get(self):
        self.web()
        for i, label in ((3, 'x'), (1, 'x'), (2, 'y')):
            self.n('create', '-f', '-', stdin={'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'c%d' % i, 'labels': {'l': label}}, 'data': {'order': str(9 - i)}})
        maps = '--field-selector=metadata.name!=kube-root-ca.crt'
        self.assertRegex(self.n('get', 'deployments'), r'^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0/2 +0 +0 +')
        self.assertRegex(self.n('get', 'deploy', '-o', 'wide'), r'CONTAINERS +IMAGES +SELECTOR\nweb .* main +registry.example.com/web:1 +app=web')
        self.assertEqual(self.n('get', 'cm', maps, '-o', 'name').split(), ['configmap/c1', 'configmap/c2', 'configmap/c3'])
        self.assertEqual(self.n('get', 'cm', maps, '--sort-by=.data.order', '-o', 'name').split(), ['configmap/c3', 'configmap/c2', 'configmap/c1'])
        self.assertEqual(self.n('get', 'cm', '-l', 'l=x', '-o', 'jsonpath={.items[*].metadata.name}'), 'c1 c3')
        self.assertEqual(self.n('get', 'cm', '-l', 'l in (y)', '--no-headers', '-o', 'custom-columns=N:.metadata.name,D:.data.order').split(), ['c2', '7'])
        self.assertEqual(self.n('get', 'cm', '--field-selector', 'metadata.name=c1', '-o', 'name'), 'configmap/c1\n')
        self.assertIn('kind: Deployment', self.n('get', 'deployment/web', '-o', 'yaml'))
        self.assertEqual(self.n('get', 'cm', 'c1', '-o', 'go-template={{.data.order}}'), '8')
        self.assertRegex(self.n('get', 'cm', 'c1', '--show-labels'), r'LABELS\nc1 .*l=x')
        self.assertRegex(self.n('get', 'cm', 'c1', '-L', 'l'), r' L\nc1 .*x')
        self.assertIn('default', self.k('get', 'ns', '-o', 'name').replace('namespace/', ''))
        self.assertIn(self.ns, self.k('get', 'cm', '-A'))
        self.assertIn('"kind":"ConfigMapList"', self.k('get', '--raw', '/api/v1/namespaces/%s/configmaps' % self.ns))
        self.n('get', 'cm', 'none', want=1)
        self.assertEqual(self.stderr, 'Error from server (NotFound): configmaps "none" not found\n')
        self.n('get', 'nonsense', want=1)
        self.assertIn('the server doesn\'t have a resource type "nonsense"', self.stderr)
        self.assertEqual(self.n('get', 'cm', maps, '--chunk-size=1', '-o', 'name').count('configmap/'), 3)

    def test_get_watch(self):
        following = self.start('-n', self.ns, 'get', 'configmap', '-w', '--field-selector=metadata.name=c', '--output-watch-events', '-o', 'custom-columns=T:.type,D:.object.data.a', '--request-timeout=20s')
        try:
            time.sleep(1)
            self.n('create', 'configmap', 'c', '--from-literal=a=1')
            self.n('patch', 'configmap', 'c', '--type=merge', '-p', '{"data":{"a":"2"}}')
            self.n('delete', 'configmap', 'c')
            lines = [following.stdout.readline().split() for _ in range(4)]
        finally:
            following.kill()
            following.communicate(timeout=20)
        self.assertEqual(lines[1:], [['ADDED', '1'], ['MODIFIED', '2'], ['DELETED', '2']])

    def test_describe(self):
        self.web()
        text = self.n('describe', 'deployment', 'web')
        for part in ('Name:', 'Replicas:', 'registry.example.com/web:1', 'StrategyType:', 'RollingUpdate', 'Events:'):
            self.assertIn(part, text)
        self.assertIn('No resource quota', self.k('describe', 'namespace', self.ns))

    def test_edit(self):
        self.web()
        self.assertEqual(self.n('edit', 'deployment', 'web', env={'EDITOR': 'sed -i s/web:1/web:2/', 'KUBE_EDITOR': ''}), 'deployment.apps/web edited\n')
        self.assertEqual(self.n('get', 'deployment', 'web', '-o', 'jsonpath={..image}'), 'registry.example.com/web:2')

    def test_patch(self):
        self.web()
        self.assertEqual(self.n('patch', 'deployment', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}}'), 'deployment.apps/web patched\n')
        self.assertEqual(self.n('get', 'deployment', 'web', '-o', 'jsonpath={.spec.template.spec.containers[*].name}').split(), ['side', 'main'])
        self.n('patch', 'deployment', 'web', '--type=merge', '-p', '{"spec":{"replicas":4}}')
        self.n('patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"test","path":"/spec/replicas","value":4},{"op":"replace","path":"/spec/replicas","value":6}]')
        self.assertEqual(self.n('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas}'), '6')
        self.assertEqual(self.n('patch', 'deployment', 'web', '-p', '{"spec":{"replicas":6}}'), 'deployment.apps/web patched (no change)\n')
        self.n('patch', 'deployment', 'web', '--subresource=status', '--type=merge', '-p', '{"status":{"replicas":6}}')
        self.assertEqual(self.n('get', 'deployment', 'web', '--subresource=status', '-o', 'jsonpath={.status.replicas}'), '6')
        self.n('patch', 'deployment', 'web', '--type=json', '-p', '[{"op":"test","path":"/spec/replicas","value":1}]', want=1)

    def test_label_annotate_scale(self):
        self.web()
        self.assertEqual(self.n('label', 'deployment', 'web', 'tier=front'), 'deployment.apps/web labeled\n')
        self.n('label', 'deployment', 'web', 'tier=back', want=1)
        self.n('label', 'deployment', 'web', 'tier=back', '--overwrite')
        self.assertEqual(self.n('label', 'deployment', 'web', 'tier-'), 'deployment.apps/web unlabeled\n')
        self.n('label', 'deployment', 'web', 'bad label=x', want=1)
        self.assertEqual(self.n('annotate', 'deployment', 'web', 'note=hello world'), 'deployment.apps/web annotated\n')
        self.assertEqual(self.n('scale', 'deployment', 'web', '--replicas=5'), 'deployment.apps/web scaled\n')
        self.n('scale', 'deployment', 'web', '--replicas=6', '--current-replicas=1', want=1)
        self.assertEqual(self.n('get', 'deployment', 'web', '-o', 'jsonpath={.spec.replicas} {.metadata.annotations.note} {.metadata.labels.tier}'), '5 hello world ')
        self.n('set', 'image', 'deployment/web', 'main=registry.example.com/web:9')
        self.n('set', 'env', 'deployment/web', 'A=b')
        self.assertEqual(self.n('get', 'deployment', 'web', '-o', 'jsonpath={..image} {..env[0].name}'), 'registry.example.com/web:9 A')
        self.assertEqual(self.n('autoscale', 'deployment', 'web', '--max=5', '--cpu=50%'), 'horizontalpodautoscaler.autoscaling/web autoscaled\n')
        self.assertEqual(self.n('expose', 'deployment', 'web', '--port=80'), 'service/web exposed\n')

    def test_delete(self):
        for cascade, finalizers in (('background', None), ('orphan', ['orphan']), ('foreground', ['foregroundDeletion'])):
            self.web()
            self.assertEqual(self.n('delete', 'deployment', 'web', '--cascade=' + cascade, '--wait=false'), 'deployment.apps "web" deleted from %s namespace\n' % self.ns)
            if not finalizers:
                self.n('get', 'deployment', 'web', want=1)
                continue
            # Nobody collects garbage here: the object waits for it.
            live = self.json('-n', self.ns, 'get', 'deployment', 'web')['metadata']
            self.assertEqual(live['finalizers'], finalizers)
            self.assertIn('deletionTimestamp', live)
            self.n('patch', 'deployment', 'web', '--type=merge', '-p', '{"metadata":{"finalizers":null}}')
            self.n('get', 'deployment', 'web', want=1)
        for i in range(3):
            self.n('create', 'configmap', 'c%d' % i)
            self.n('label', 'configmap', 'c%d' % i, 'x=y')
        self.assertEqual(self.n('delete', 'configmap', '-l', 'x=y').count('deleted'), 3)
        self.n('delete', 'configmap', 'none', want=1)
        self.n('delete', 'configmap', 'none', '--ignore-not-found')
        self.n('create', 'configmap', 'c')
        self.n('delete', 'configmap', '--all')
        self.assertEqual(self.k('delete', 'namespace', self.ns, '--wait=false'), 'namespace "%s" deleted\n' % self.ns)
        self.assertEqual(self.k('get', 'namespace', self.ns, '-o', 'jsonpath={.status.phase}'), 'Terminating')

    def test_replace_and_diff(self):
        self.web()
        changed = json.loads(json.dumps(DEPLOYMENT))
        changed['spec']['replicas'] = 3
        text = self.n('diff', '-f', '-', stdin=changed, want=1)
        self.assertRegex(text, r'-  replicas: 2\n\+  replicas: 3')
        self.n('diff', '-f', '-', stdin=DEPLOYMENT)
        self.assertEqual(self.n('replace', '-f', '-', stdin=changed), 'deployment.apps/web replaced\n')
        self.assertEqual(self.n('replace', '--force', '-f', '-', stdin=DEPLOYMENT).splitlines()[-1], 'deployment.apps/web replaced')
        self.n('replace', '-f', '-', stdin=dict(DEPLOYMENT, metadata={'name': 'none'}), want=1)

    def test_explain(self):
        self.assertIn('KIND:       Pod', self.k('explain', 'pods'))
        text = self.k('explain', 'deployment.spec.strategy.rollingUpdate')
        self.assertIn('maxSurge', text)
        self.assertIn('<IntOrString>', text)
        self.assertIn('containers\t<[]Container> -required-', self.k('explain', 'pod.spec', '--recursive'))
        self.assertIn('GROUP:      batch', self.k('explain', 'cronjobs', '--api-version=batch/v1'))
        self.k('explain', 'pod.nonsense', want=1)

    def test_api_resources_and_versions(self):
        text = self.k('api-resources', '-o', 'wide', '--no-headers')
        self.assertRegex(text, r'deployments +deploy +apps/v1 +true +Deployment +create,delete,deletecollection,get,list,patch,update,watch +all')
        self.assertEqual({'apps/v1', 'batch/v1', 'v1', 'autoscaling/v2'} - set(self.k('api-versions').split()), set())
        self.assertIn('pods', self.k('api-resources', '--namespaced=true', '--verbs=watch', '-o', 'name').split())
        self.assertEqual(sorted(self.k('api-resources', '--api-group=apps', '-o', 'name').split()),
                         ['controllerrevisions.apps', 'daemonsets.apps', 'deployments.apps', 'replicasets.apps', 'statefulsets.apps'])

    def test_wait(self):
        self.web()
        waiting = self.start('-n', self.ns, 'wait', 'deployment/web', '--for=condition=Available', '--timeout=20s')
        time.sleep(0.5)
        self.n('patch', 'deployment', 'web', '--subresource=status', '--type=merge', '-p', json.dumps({'status': {'observedGeneration': 1, 'conditions': [
            {'type': 'Available', 'status': 'True', 'reason': 'Enough', 'message': 'enough'}]}}))
        out, err = waiting.communicate(timeout=30)
        self.assertEqual((waiting.returncode, out), (0, 'deployment.apps/web condition met\n'), err)
        self.n('wait', 'deployment/web', '--for=jsonpath={.spec.replicas}=2', '--timeout=5s')
        self.n('wait', 'deployment/web', '--for=condition=Progressing', '--timeout=1s', want=1)
        gone = self.start('-n', self.ns, 'wait', 'deployment/web', '--for=delete', '--timeout=20s')
        time.sleep(0.5)
        self.n('delete', 'deployment', 'web')
        self.assertEqual(gone.wait(30), 0)
        gone.communicate()

    def test_cluster_info_and_version(self):
        self.assertIn('https://127.0.0.1:%d' % self.server.port, self.k('cluster-info'))
        self.assertIn('Server Version: v1.36', self.k('version'))
        self.assertEqual(self.k('get', '--raw', '/readyz'), 'ok')
        self.assertIn('kubernetes', self.k('-n', 'default', 'get', 'service', 'kubernetes'))

    def test_rollout(self):
        self.web()
        self.n('rollout', 'history', 'deployment/web')
        self.assertEqual(self.n('rollout', 'pause', 'deployment/web'), 'deployment.apps/web paused\n')
        self.assertEqual(self.n('rollout', 'resume', 'deployment/web'), 'deployment.apps/web resumed\n')
        self.assertEqual(self.n('rollout', 'restart', 'deployment/web'), 'deployment.apps/web restarted\n')
        self.assertIn('Waiting for deployment', self.n('rollout', 'status', 'deployment/web', '--watch=false'))

    def test_run_and_logs_of_a_pod_that_never_runs(self):
        self.n('create', 'serviceaccount', 'default', want=None)    # a controller's work elsewhere
        self.assertEqual(self.n('run', 'p', '--image=i', '--labels=a=b', '--env=X=y'), 'pod/p created\n')
        self.assertRegex(self.n('get', 'pods'), r'p +0/1 +Pending +0 +')
        self.assertIn('Status:           Pending', self.n('describe', 'pod', 'p'))
        self.assertEqual(self.n('delete', 'pod', 'p', '--now'), 'pod "p" deleted from %s namespace\n' % self.ns)

    def test_events(self):
        self.n('create', '-f', '-', stdin={'apiVersion': 'v1', 'kind': 'Event', 'metadata': {'name': 'e'}, 'involvedObject': {'kind': 'Pod', 'name': 'p', 'namespace': self.ns},
                                           'reason': 'Sampled', 'message': 'a sample', 'type': 'Normal', 'lastTimestamp': '2026-01-01T00:00:00Z'})
        self.assertRegex(self.n('events'), r'Normal +Sampled +Pod/p +a sample')
        self.assertRegex(self.n('get', 'events', '--field-selector=reason=Sampled,involvedObject.name=p'), r'Normal +Sampled +pod/p +a sample')
        self.assertEqual(self.n('get', 'events', '--field-selector=reason=Other', '-o', 'name'), '')

    def test_auth(self):
        self.assertEqual(self.k('auth', 'can-i', 'create', 'pods'), 'yes\n')
        self.assertIn('kubernetes-admin', self.k('auth', 'whoami'))
        self.assertEqual(self.k('auth', 'can-i', 'delete', 'nodes', '--as=nobody', want=1), 'no\n')
        self.assertIn('*.*', self.k('auth', 'can-i', '--list'))
        self.k('get', 'secrets', '--as=nobody', want=1)
        self.assertIn('Error from server (Forbidden): secrets is forbidden: User "nobody" cannot list resource "secrets"', self.stderr)

    @unittest.expectedFailure    # until custom resources are served; then this mark goes
    def test_custom_resources(self):
        crd = dict(m for m in manifests.every_kind(self.server.folder) if m[0] == 'customresourcedefinitions')['customresourcedefinitions']
        crd = json.loads(json.dumps(crd).replace('samples.example.com', 'samples.cli.example.com').replace('"group": "example.com"', '"group": "cli.example.com"'))
        self.k('apply', '-f', '-', stdin=crd)
        self.k('wait', 'crd/samples.cli.example.com', '--for=condition=Established', '--timeout=20s')
        self.n('apply', '-f', '-', stdin={'apiVersion': 'cli.example.com/v1', 'kind': 'Sample', 'metadata': {'name': 's'}, 'spec': {'size': 3}})
        self.assertEqual(self.n('get', 'samples', 's', '-o', 'jsonpath={.spec.size}'), '3')
        self.n('apply', '-f', '-', stdin={'apiVersion': 'cli.example.com/v1', 'kind': 'Sample', 'metadata': {'name': 'bad'}, 'spec': {'size': 'three'}}, want=1)
        self.k('delete', 'crd', 'samples.cli.example.com')


class EveryKind(WithServer):
    """One test for each built-in kind; made below from what the server says it serves."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for object_ in manifests.before():
            subprocess.run([KUBECTL, 'create', '-f', '-'], env=cls.env, input=json.dumps(object_), text=True, capture_output=True, timeout=60)

    def one(self, plural, manifest):
        resource, name = plural, manifest['metadata']['name']
        scope = ['-n', manifests.NAMESPACE] if 'namespace' in manifest['metadata'] else []
        self.k('create', '-f', '-', stdin=manifest)
        self.assertIn(name, self.k('get', resource, *scope, name, '-o', 'wide'))
        yaml = self.k('get', resource, *scope, name, '-o', 'yaml')
        self.assertIn('serverside-applied', self.k('apply', '--server-side', '--dry-run=server', '--force-conflicts', '-f', '-', stdin=self.without_managed(yaml)))
        self.assertIn('replaced', self.k('replace', '-f', '-', stdin=yaml))
        self.assertIn('labeled', self.k('label', resource, *scope, name, 'proof=yes'))
        self.assertEqual(self.json('get', resource, *scope, '-l', 'proof=yes')['items'][0]['metadata']['name'], name)
        self.assertRegex(self.k('describe', resource, *scope, name), r'(?i)name:\s+%s' % name)
        before = self.json('get', resource, *scope, name)
        for key in ('spec', 'data', 'webhooks', 'rules'):
            if key in manifest:
                self.contains(before[key], manifest[key], key)
        self.k('delete', resource, *scope, name, '--wait=false')
        if plural in ('persistentvolumes', 'persistentvolumeclaims', 'volumeattributesclasses', 'namespaces', 'servicecidrs', 'customresourcedefinitions'):
            return    # held by finalizers that a controller takes away
        self.k('get', resource, *scope, name, want=1)

    def without_managed(self, yaml):
        lines, out, inside = yaml.splitlines(), [], False
        for line in lines:
            if line == '  managedFields:':
                inside = True
            elif inside and not line.startswith(('  -', '   ')):
                inside = False
            if not inside:
                out.append(line)
        return '\n'.join(out) + '\n'

    def contains(self, live, sent, where):
        """What was sent is there; the server may have added to it."""
        if isinstance(sent, dict):
            for key, value in sent.items():
                self.assertIn(key, live, where)
                self.contains(live[key], value, '%s.%s' % (where, key))
        elif isinstance(sent, list):
            self.assertEqual(len(live), len(sent), where)
            for i, value in enumerate(sent):
                self.contains(live[i], value, '%s[%d]' % (where, i))
        else:
            self.assertEqual(live, sent, where)

    def test_a_manifest_for_every_kind(self):
        served = set()
        for line in self.k('api-resources', '--verbs=create,get,list', '-o', 'name').split():
            served.add(line)
        named = {p if p.endswith('.events.k8s.io') else p + ('.' + m['apiVersion'].split('/')[0] if '/' in m['apiVersion'] else '') for p, m in manifests.every_kind(self.server.folder)}
        self.assertEqual(served - named, set(), 'kinds without a manifest')
        self.assertEqual(named - served, set(), 'kinds that are not served')

    def test_every_kind(self):
        for plural, manifest in manifests.every_kind(self.server.folder):
            with self.subTest(plural):
                self.one(plural, manifest)


if __name__ == '__main__':
    unittest.main()
