"""A small valid manifest of every built-in kind that can be stored, by plural resource; names are 'sample' unless a kind wants
another. What must exist before is in before(). Kinds that are only asked (reviews) or written into (bindings) have none: they are in NOT_STORED."""
import base64
import json
import pathlib
import subprocess

NAMESPACE = 'samples'
NOT_STORED = {'bindings', 'tokenreviews', 'selfsubjectreviews', 'localsubjectaccessreviews', 'selfsubjectaccessreviews', 'selfsubjectrulesreviews', 'subjectaccessreviews'}
LABELS = {'app': 'sample'}
SELECTOR = {'matchLabels': LABELS}
POD = {'containers': [{'name': 'main', 'image': 'registry.example.com/main:1'}]}
TEMPLATE = {'metadata': {'labels': LABELS}, 'spec': POD}
JOB = {'template': {'spec': dict(POD, restartPolicy='Never')}}
DEVICES = {'devices': {'requests': [{'name': 'gpu', 'exactly': {'deviceClassName': 'gpu.example.com'}}]}}
WEBHOOK = {'name': 'hook.example.com', 'sideEffects': 'None', 'admissionReviewVersions': ['v1'], 'failurePolicy': 'Ignore',
           'clientConfig': {'url': 'https://hook.example.com/'},
           'rules': [{'apiGroups': ['none.example.com'], 'apiVersions': ['v1'], 'operations': ['CREATE'], 'resources': ['nothings']}]}
MATCH = {'resourceRules': WEBHOOK['rules']}


def certificate_request(folder):
    """PEM of a fresh certificate request, base64."""
    subprocess.run(['openssl', 'req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=sample', '-keyout', 'sample.key',
                    '-out', 'sample.csr'], cwd=folder, check=True, capture_output=True, timeout=30)
    return base64.b64encode((pathlib.Path(folder) / 'sample.csr').read_bytes()).decode()


def every_kind(folder):
    """[(plural resource, manifest)], in an order in which they can be created. Namespaced ones carry NAMESPACE."""
    def of(api, kind, plural, namespaced, name='sample', **rest):
        metadata = {'name': name}
        if namespaced:
            metadata['namespace'] = NAMESPACE
        return plural, dict({'apiVersion': api, 'kind': kind, 'metadata': metadata}, **json.loads(json.dumps(rest)))

    def here(api, kind, plural, **rest):
        return of(api, kind, plural, True, **rest)

    def wide(api, kind, plural, **rest):
        return of(api, kind, plural, False, **rest)
    admission, flow, rbac = 'admissionregistration.k8s.io/v1', 'flowcontrol.apiserver.k8s.io/v1', 'rbac.authorization.k8s.io'
    return [
        wide('v1', 'Namespace', 'namespaces', name='sample-space'),
        here('v1', 'ConfigMap', 'configmaps', data={'a': 'b'}, binaryData={'z': 'AP8='}),
        here('v1', 'Secret', 'secrets', stringData={'a': 'b'}, type='Opaque'),
        here('v1', 'ServiceAccount', 'serviceaccounts'),
        here('v1', 'Endpoints', 'endpoints', subsets=[{'addresses': [{'ip': '192.0.2.1'}], 'ports': [{'name': 'http', 'port': 80}]}]),
        here('v1', 'Event', 'events', involvedObject={'kind': 'Pod', 'name': 'p', 'namespace': NAMESPACE}, reason='Sampled', message='a sample', type='Normal', count=1),
        here('v1', 'LimitRange', 'limitranges', spec={'limits': [{'type': 'Container', 'default': {'memory': '64Mi'}}]}),
        wide('v1', 'Node', 'nodes', spec={'podCIDR': '10.244.0.0/24'}),
        here('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims', spec={'accessModes': ['ReadWriteOnce'], 'resources': {'requests': {'storage': '1Gi'}}}),
        wide('v1', 'PersistentVolume', 'persistentvolumes', spec={'accessModes': ['ReadWriteOnce'], 'capacity': {'storage': '1Gi'}, 'hostPath': {'path': '/data'}}),
        here('v1', 'Pod', 'pods', spec=dict(POD, automountServiceAccountToken=False)),
        here('v1', 'PodTemplate', 'podtemplates', template=TEMPLATE),
        here('v1', 'ReplicationController', 'replicationcontrollers', spec={'replicas': 1, 'selector': LABELS, 'template': TEMPLATE}),
        here('v1', 'ResourceQuota', 'resourcequotas', spec={'hard': {'services': '50'}}),
        here('v1', 'Service', 'services', spec={'selector': LABELS, 'ports': [{'name': 'http', 'port': 80, 'targetPort': 'http'}]}),
        wide(admission, 'ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', webhooks=[WEBHOOK]),
        wide(admission, 'MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', webhooks=[WEBHOOK]),
        wide(admission, 'ValidatingAdmissionPolicy', 'validatingadmissionpolicies', spec={'matchConstraints': MATCH, 'validations': [{'expression': 'true'}]}),
        wide(admission, 'ValidatingAdmissionPolicyBinding', 'validatingadmissionpolicybindings', spec={'policyName': 'sample', 'validationActions': ['Deny']}),
        wide(admission, 'MutatingAdmissionPolicy', 'mutatingadmissionpolicies', spec={'matchConstraints': MATCH, 'reinvocationPolicy': 'Never', 'mutations': [
            {'patchType': 'ApplyConfiguration', 'applyConfiguration': {'expression': 'Object{metadata: Object.metadata{labels: {"a": "b"}}}'}}]}),
        wide(admission, 'MutatingAdmissionPolicyBinding', 'mutatingadmissionpolicybindings', spec={'policyName': 'sample'}),
        wide('apiextensions.k8s.io/v1', 'CustomResourceDefinition', 'customresourcedefinitions', name='samples.example.com',
             spec={'group': 'example.com', 'scope': 'Namespaced', 'names': {'plural': 'samples', 'singular': 'sample', 'kind': 'Sample'},
                   'versions': [{'name': 'v1', 'served': True, 'storage': True, 'schema': {'openAPIV3Schema': {'type': 'object', 'properties': {'spec': {'type': 'object', 'properties': {'size': {'type': 'integer'}}}}}}}]}),
        wide('apiregistration.k8s.io/v1', 'APIService', 'apiservices', name='v1.aggregated.example.com',
             spec={'group': 'aggregated.example.com', 'version': 'v1', 'groupPriorityMinimum': 100, 'versionPriority': 10, 'insecureSkipTLSVerify': True, 'service': {'namespace': NAMESPACE, 'name': 'sample'}}),
        here('apps/v1', 'ControllerRevision', 'controllerrevisions', revision=1, data={'any': 'thing'}),
        here('apps/v1', 'DaemonSet', 'daemonsets', spec={'selector': SELECTOR, 'template': TEMPLATE}),
        here('apps/v1', 'Deployment', 'deployments', spec={'replicas': 2, 'selector': SELECTOR, 'template': TEMPLATE}),
        here('apps/v1', 'ReplicaSet', 'replicasets', spec={'selector': SELECTOR, 'template': TEMPLATE}),
        here('apps/v1', 'StatefulSet', 'statefulsets', spec={'serviceName': 'sample', 'selector': SELECTOR, 'template': TEMPLATE}),
        here('autoscaling/v2', 'HorizontalPodAutoscaler', 'horizontalpodautoscalers', spec={'maxReplicas': 3, 'scaleTargetRef': {'apiVersion': 'apps/v1', 'kind': 'Deployment', 'name': 'sample'},
             'metrics': [{'type': 'Resource', 'resource': {'name': 'cpu', 'target': {'type': 'Utilization', 'averageUtilization': 50}}}]}),
        here('batch/v1', 'CronJob', 'cronjobs', spec={'schedule': '5 * * * *', 'jobTemplate': {'spec': JOB}}),
        here('batch/v1', 'Job', 'jobs', spec=JOB),
        wide('certificates.k8s.io/v1', 'CertificateSigningRequest', 'certificatesigningrequests', spec={'request': certificate_request(folder), 'signerName': 'example.com/sample', 'usages': ['client auth']}),
        here('coordination.k8s.io/v1', 'Lease', 'leases', spec={'holderIdentity': 'me', 'leaseDurationSeconds': 15}),
        here('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices', addressType='IPv4', endpoints=[{'addresses': ['192.0.2.1']}], ports=[{'name': 'http', 'port': 80, 'protocol': 'TCP'}]),
        here('events.k8s.io/v1', 'Event', 'events.events.k8s.io', name='sample-new', eventTime='2026-01-01T00:00:00.000000Z', regarding={'kind': 'Pod', 'name': 'p', 'namespace': NAMESPACE}, reason='Sampled',
             action='Sample', note='a sample', type='Normal', reportingController='example.com/sampler', reportingInstance='sampler-1'),
        wide(flow, 'PriorityLevelConfiguration', 'prioritylevelconfigurations', spec={'type': 'Limited', 'limited': {'nominalConcurrencyShares': 5, 'limitResponse': {'type': 'Reject'}}}),
        wide(flow, 'FlowSchema', 'flowschemas', spec={'priorityLevelConfiguration': {'name': 'sample'}, 'matchingPrecedence': 9000, 'distinguisherMethod': {'type': 'ByUser'},
             'rules': [{'subjects': [{'kind': 'User', 'user': {'name': 'sample'}}], 'nonResourceRules': [{'verbs': ['*'], 'nonResourceURLs': ['*']}]}]}),
        wide('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', spec={'controller': 'example.com/ingress'}),
        here('networking.k8s.io/v1', 'Ingress', 'ingresses', spec={'ingressClassName': 'sample', 'rules': [{'host': 'a.example.com', 'http': {'paths': [
            {'path': '/', 'pathType': 'Prefix', 'backend': {'service': {'name': 'sample', 'port': {'number': 80}}}}]}}]}),
        wide('networking.k8s.io/v1', 'IPAddress', 'ipaddresses', name='192.0.2.7', spec={'parentRef': {'resource': 'services', 'namespace': NAMESPACE, 'name': 'sample'}}),
        here('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies', spec={'podSelector': SELECTOR, 'ingress': [{'from': [{'podSelector': {}}]}], 'policyTypes': ['Ingress']}),
        wide('networking.k8s.io/v1', 'ServiceCIDR', 'servicecidrs', spec={'cidrs': ['10.200.0.0/24']}),
        wide('node.k8s.io/v1', 'RuntimeClass', 'runtimeclasses', handler='runc'),
        here('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets', spec={'minAvailable': 1, 'selector': SELECTOR}),
        wide(rbac + '/v1', 'ClusterRole', 'clusterroles', rules=[{'apiGroups': [''], 'resources': ['pods'], 'verbs': ['get']}]),
        wide(rbac + '/v1', 'ClusterRoleBinding', 'clusterrolebindings', roleRef={'apiGroup': rbac, 'kind': 'ClusterRole', 'name': 'sample'}, subjects=[{'kind': 'User', 'name': 'jane', 'apiGroup': rbac}]),
        here(rbac + '/v1', 'Role', 'roles', rules=[{'apiGroups': ['apps'], 'resources': ['deployments'], 'verbs': ['get', 'list']}]),
        here(rbac + '/v1', 'RoleBinding', 'rolebindings', roleRef={'apiGroup': rbac, 'kind': 'Role', 'name': 'sample'}, subjects=[{'kind': 'ServiceAccount', 'name': 'sample', 'namespace': NAMESPACE}]),
        wide('resource.k8s.io/v1', 'DeviceClass', 'deviceclasses', name='gpu.example.com', spec={'selectors': [{'cel': {'expression': 'device.driver == "gpu.example.com"'}}]}),
        here('resource.k8s.io/v1', 'ResourceClaim', 'resourceclaims', spec=DEVICES),
        here('resource.k8s.io/v1', 'ResourceClaimTemplate', 'resourceclaimtemplates', spec={'spec': DEVICES}),
        wide('resource.k8s.io/v1', 'ResourceSlice', 'resourceslices', spec={'driver': 'gpu.example.com', 'nodeName': 'sample', 'pool': {'name': 'sample', 'generation': 1, 'resourceSliceCount': 1},
             'devices': [{'name': 'gpu-0', 'attributes': {'model': {'string': 'a'}}, 'capacity': {'memory': {'value': '16Gi'}}}]}),
        wide('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', value=1000, description='a sample'),
        wide('storage.k8s.io/v1', 'CSIDriver', 'csidrivers', spec={'attachRequired': False}),
        wide('storage.k8s.io/v1', 'CSINode', 'csinodes', spec={'drivers': [{'name': 'disk.example.com', 'nodeID': 'n1', 'topologyKeys': ['zone']}]}),
        here('storage.k8s.io/v1', 'CSIStorageCapacity', 'csistoragecapacities', storageClassName='sample', capacity='10Gi', nodeTopology=SELECTOR),
        wide('storage.k8s.io/v1', 'StorageClass', 'storageclasses', provisioner='disk.example.com', parameters={'type': 'fast'}),
        wide('storage.k8s.io/v1', 'VolumeAttachment', 'volumeattachments', spec={'attacher': 'disk.example.com', 'nodeName': 'sample', 'source': {'persistentVolumeName': 'sample'}}),
        wide('storage.k8s.io/v1', 'VolumeAttributesClass', 'volumeattributesclasses', driverName='disk.example.com', parameters={'iops': '100'}),
    ]


def before():
    """What the manifests need: their namespace and the service account that pods run as."""
    return [{'apiVersion': 'v1', 'kind': 'Namespace', 'metadata': {'name': NAMESPACE}},
            {'apiVersion': 'v1', 'kind': 'ServiceAccount', 'metadata': {'name': 'default', 'namespace': NAMESPACE}}]


def path_of(plural, manifest, name=True):
    """The path of the object (or of its collection) in the API."""
    api, metadata = manifest['apiVersion'], manifest['metadata']
    path = ('/apis/' if '/' in api else '/api/') + api
    if 'namespace' in metadata:
        path += '/namespaces/' + metadata['namespace']
    return path + '/' + plural.split('.')[0] + ('/' + metadata['name'] if name else '')
