"""The official Python client against a fresh Sampan. SAMPAN names the binary."""
import os
import pathlib
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'support'))
import servers  # noqa: E402
from kubernetes import client, config, dynamic, utils, watch  # noqa: E402
from kubernetes.client.exceptions import ApiException  # noqa: E402

TEMPLATE = {'metadata': {'labels': {'app': 'a'}}, 'spec': {'containers': [{'name': 'main', 'image': 'registry.example.com/main:1'}]}}


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = servers.Sampan(os.environ.get('SAMPAN', servers.DEFAULT_BINARY))
        cls.addClassCleanup(cls.server.__exit__)
        cls.server.start()
        cls.api = config.new_client_from_config(str(cls.server.kubeconfig))
        cls.addClassCleanup(cls.api.close)
        cls.core, cls.apps = client.CoreV1Api(cls.api), client.AppsV1Api(cls.api)

    def setUp(self):
        self.ns = 'ns-' + self._testMethodName.replace('_', '-').lower()[:40]
        self.core.create_namespace({'metadata': {'name': self.ns}})

    def maps(self):
        return dynamic.DynamicClient(self.api).resources.get(api_version='v1', kind='ConfigMap')

    def refused(self, status, reason, what, *arguments, **more):
        with self.assertRaises(ApiException) as caught:
            what(*arguments, **more)
        self.assertEqual(caught.exception.status, status, caught.exception.body)
        self.assertIn('"reason":"%s"' % reason, caught.exception.body)
        return caught.exception.body

    def test_create_read_replace_delete(self):
        made = self.core.create_namespaced_config_map(self.ns, client.V1ConfigMap(metadata=client.V1ObjectMeta(name='c', labels={'l': '1'}), data={'a': 'b'}))
        self.assertTrue(made.metadata.uid)
        read = self.core.read_namespaced_config_map('c', self.ns)
        self.assertEqual(read.to_dict(), made.to_dict())
        read.data['a'] = 'c'
        replaced = self.core.replace_namespaced_config_map('c', self.ns, read)
        self.assertEqual(replaced.data, {'a': 'c'})
        self.assertNotEqual(replaced.metadata.resource_version, made.metadata.resource_version)
        self.refused(409, 'Conflict', self.core.replace_namespaced_config_map, 'c', self.ns, read)
        self.assertEqual([c.metadata.name for c in self.core.list_namespaced_config_map(self.ns, label_selector='l=1').items], ['c'])
        self.core.delete_namespaced_config_map('c', self.ns)
        self.refused(404, 'NotFound', self.core.read_namespaced_config_map, 'c', self.ns)

    def test_patches(self):
        deployment = {'metadata': {'name': 'd'}, 'spec': {'selector': {'matchLabels': {'app': 'a'}}, 'template': TEMPLATE}}
        self.apps.create_namespaced_deployment(self.ns, deployment)
        # A dict is sent as a strategic merge patch: the container is found by its name, the other one is added.
        patched = self.apps.patch_namespaced_deployment('d', self.ns, {'spec': {'template': {'spec': {'containers': [
            {'name': 'main', 'image': 'registry.example.com/main:2'}, {'name': 'side', 'image': 'registry.example.com/side:1'}]}}}})
        self.assertEqual({c.name: c.image[-1] for c in patched.spec.template.spec.containers}, {'main': '2', 'side': '1'})
        # A list is sent as a JSON patch.
        patched = self.apps.patch_namespaced_deployment('d', self.ns, [{'op': 'replace', 'path': '/spec/replicas', 'value': 5}])
        self.assertEqual(patched.spec.replicas, 5)
        scale = self.apps.patch_namespaced_deployment_scale('d', self.ns, {'spec': {'replicas': 2}})
        self.assertEqual(scale.spec.replicas, 2)
        self.assertEqual(self.apps.read_namespaced_deployment('d', self.ns).metadata.generation, 4)
        status = self.apps.patch_namespaced_deployment_status('d', self.ns, {'status': {'replicas': 2, 'observedGeneration': 4}})
        self.assertEqual((status.status.replicas, status.metadata.generation), (2, 4))

    def test_watch(self):
        at = self.core.list_namespaced_config_map(self.ns).metadata.resource_version
        seen, finished = [], threading.Event()

        def follow():
            stream = watch.Watch()
            for event in stream.stream(self.core.list_namespaced_config_map, self.ns, resource_version=at, timeout_seconds=30):
                seen.append((event['type'], event['object'].metadata.name))
                if event['type'] == 'DELETED':
                    stream.stop()
            finished.set()
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        self.core.create_namespaced_config_map(self.ns, {'metadata': {'name': 'c'}})
        self.core.patch_namespaced_config_map('c', self.ns, {'data': {'a': 'b'}})
        self.core.delete_namespaced_config_map('c', self.ns)
        self.assertTrue(finished.wait(40))
        self.assertEqual(seen, [('ADDED', 'c'), ('MODIFIED', 'c'), ('DELETED', 'c')])

    def test_watch_ends_after_its_time(self):
        self.core.create_namespaced_config_map(self.ns, {'metadata': {'name': 'c'}})
        events = list(watch.Watch().stream(self.core.list_namespaced_config_map, self.ns, timeout_seconds=1))
        self.assertEqual([(e['type'], e['object'].metadata.name) for e in events], [('ADDED', 'c')])

    def test_errors(self):
        body = self.refused(422, 'Invalid', self.core.create_namespaced_config_map, self.ns, {'metadata': {'name': 'Not_A_Name'}})
        self.assertIn('"field":"metadata.name"', body)
        with self.assertRaises(dynamic.exceptions.BadRequestError):    # the typed one checks types by itself
            self.maps().create(namespace=self.ns, body={'metadata': {'name': 'c'}, 'data': 'text'})
        self.refused(404, 'NotFound', self.core.create_namespaced_config_map, 'no-such-namespace', {'metadata': {'name': 'c'}})
        self.core.create_namespaced_config_map(self.ns, {'metadata': {'name': 'c'}})
        self.refused(409, 'AlreadyExists', self.core.create_namespaced_config_map, self.ns, {'metadata': {'name': 'c'}})
        with self.assertRaises(dynamic.exceptions.BadRequestError):
            self.maps().create(namespace=self.ns, body={'metadata': {'name': 'd'}, 'nonsense': 1}, query_params=[('fieldValidation', 'Strict')])
        self.refused(422, 'Invalid', self.apps.create_namespaced_deployment, self.ns, {'metadata': {'name': 'd'}, 'spec': {'selector': {'matchLabels': {'app': 'b'}}, 'template': TEMPLATE}})

    def test_paging(self):
        for i in range(12):
            self.core.create_namespaced_secret(self.ns, {'metadata': {'name': 's%02d' % i}, 'stringData': {'k': str(i)}})
        names, token = [], None
        while True:
            page = self.core.list_namespaced_secret(self.ns, limit=5, _continue=token)
            names += [s.metadata.name for s in page.items]
            token = page.metadata._continue
            if not token:
                break
        self.assertEqual(names, ['s%02d' % i for i in range(12)])
        self.core.delete_collection_namespaced_secret(self.ns)
        self.assertEqual(self.core.list_namespaced_secret(self.ns).items, [])

    def test_create_from_yaml(self):
        made = utils.create_from_dict(self.api, {'apiVersion': 'v1', 'kind': 'List', 'items': [
            {'apiVersion': 'v1', 'kind': 'Service', 'metadata': {'name': 's', 'namespace': self.ns}, 'spec': {'ports': [{'port': 80}], 'selector': {'app': 'a'}}},
            {'apiVersion': 'batch/v1', 'kind': 'CronJob', 'metadata': {'name': 'j', 'namespace': self.ns},
             'spec': {'schedule': '0 * * * *', 'jobTemplate': {'spec': {'template': {'spec': dict(TEMPLATE['spec'], restartPolicy='Never')}}}}}]})
        self.assertEqual(len(made), 2)
        self.assertTrue(self.core.read_namespaced_service('s', self.ns).spec.cluster_ip.startswith('10.'))

    def test_dynamic_client(self):
        maps = self.maps()
        maps.create(namespace=self.ns, body={'metadata': {'name': 'c'}, 'data': {'a': 'b'}})
        applied = maps.server_side_apply(namespace=self.ns, name='c', field_manager='tester', body={'apiVersion': 'v1', 'kind': 'ConfigMap', 'metadata': {'name': 'c'}, 'data': {'x': 'y'}})
        self.assertEqual(applied.data.to_dict(), {'a': 'b', 'x': 'y'})
        self.assertTrue(dynamic.DynamicClient(self.api).resources.get(api_version='apps/v1', kind='Deployment').namespaced)

    def test_version(self):
        version = client.VersionApi(self.api).get_code()
        self.assertEqual((version.major, version.minor), ('1', '36'))


if __name__ == '__main__':
    unittest.main()
