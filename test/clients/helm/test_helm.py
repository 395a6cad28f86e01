"""Helm against a fresh Sampan: install, upgrade, roll back and uninstall a chart of three kinds. SAMPAN and HELM name the binaries."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'support'))
import servers  # noqa: E402

HELM = os.environ.get('HELM', 'helm')
CHART = {
    'Chart.yaml': 'apiVersion: v2\nname: sample\nversion: 0.1.0\nappVersion: "1"\n',
    'values.yaml': 'replicas: 1\nimage: registry.example.com/web:1\nservice: true\n',
    'templates/deployment.yaml': '''apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
  labels: {app: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      containers:
      - name: main
        image: {{ .Values.image }}
        envFrom: [{configMapRef: {name: {{ .Release.Name }}}}]
''',
    'templates/service.yaml': '''{{ if .Values.service }}
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{port: 80, targetPort: 8080}]
{{ end }}
''',
    'templates/configmap.yaml': '''apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  image: {{ .Values.image }}
  kubernetes: {{ .Capabilities.KubeVersion.Version }}
  known: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
''',
}


class Helm(unittest.TestCase):
    def setUp(self):
        self.server = servers.Sampan(os.environ.get('SAMPAN', servers.DEFAULT_BINARY))
        self.addCleanup(self.server.__exit__)
        self.server.start()
        home = tempfile.TemporaryDirectory(prefix='sampan-helm-')
        self.addCleanup(home.cleanup)
        self.chart = pathlib.Path(home.name) / 'sample'
        for name, text in CHART.items():
            (self.chart / name).parent.mkdir(parents=True, exist_ok=True)
            (self.chart / name).write_text(text)
        self.env = dict(os.environ, KUBECONFIG=str(self.server.kubeconfig), HOME=home.name, HELM_CACHE_HOME=home.name + '/c', HELM_CONFIG_HOME=home.name + '/k', HELM_DATA_HOME=home.name + '/d')
        self.client = self.server.client()
        self.addCleanup(self.client.close)

    def helm(self, *arguments, want=0):
        done = subprocess.run([HELM, *arguments], env=self.env, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, want, 'helm %s: %s%s' % (' '.join(arguments), done.stdout[-1500:], done.stderr[-1500:]))
        return done.stdout

    def get(self, path, want=200):
        status, body = self.client.call('GET', path)
        self.assertEqual(status, want, body)
        return body

    def deployment(self, want=200):
        return self.get('/apis/apps/v1/namespaces/shop/deployments/web', want)

    def test_life_of_a_release(self):
        self.helm('install', 'web', str(self.chart), '--namespace=shop', '--create-namespace')
        self.assertEqual(self.deployment()['spec']['replicas'], 1)
        self.get('/api/v1/namespaces/shop/services/web')
        data = self.get('/api/v1/namespaces/shop/configmaps/web')['data']
        self.assertTrue(data['kubernetes'].startswith('v1.36'))
        self.assertEqual(data['known'], 'true')
        self.helm('install', 'web', str(self.chart), '--namespace=shop', want=1)

        self.helm('upgrade', 'web', str(self.chart), '--namespace=shop', '--set=replicas=3,image=registry.example.com/web:2,service=false')
        spec = self.deployment()['spec']
        self.assertEqual((spec['replicas'], spec['template']['spec']['containers'][0]['image']), (3, 'registry.example.com/web:2'))
        self.get('/api/v1/namespaces/shop/services/web', 404)
        self.helm('upgrade', 'web', str(self.chart), '--namespace=shop', '--set=replicas=-1', want=1)

        self.helm('rollback', 'web', '1', '--namespace=shop')
        self.assertEqual(self.deployment()['spec']['replicas'], 1)
        self.get('/api/v1/namespaces/shop/services/web')
        history = json.loads(self.helm('history', 'web', '--namespace=shop', '-o', 'json'))
        self.assertEqual([h['status'] for h in history], ['superseded', 'superseded', 'failed', 'deployed'])
        self.assertEqual([r['name'] for r in json.loads(self.helm('list', '--all-namespaces', '-o', 'json'))], ['web'])
        self.assertIn('kind: Deployment', self.helm('get', 'manifest', 'web', '--namespace=shop'))

        self.helm('uninstall', 'web', '--namespace=shop')
        self.deployment(404)
        self.get('/api/v1/namespaces/shop/services/web', 404)
        self.assertEqual(self.get('/api/v1/namespaces/shop/secrets?labelSelector=owner%3Dhelm')['items'], [])


if __name__ == '__main__':
    unittest.main()
