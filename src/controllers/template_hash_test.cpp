// The hashes were made by Kubernetes 1.36.3's own code from the same templates.
#include "controllers/template_hash.h"

#include "registry/testing.h"

namespace sampan::controllers {
namespace {

using registry::testing::make;

schema::ObjectRef pod_template(std::string_view json) { return make("v1", "PodTemplate", concat("{\"template\":", json, "}")); }

TEST(TemplateHash, AsUpstream) {
  const struct {
    std::string_view json, hash, hash_after_three_collisions;
  } cases[] = {
      {R"json({"metadata":{"labels":{"app":"a"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}})json",
       "65956c7646", "5ffc75b557"},
      {R"json({"metadata":{"labels":{"app":"web","tier":"front"},"annotations":{"a.b/c":"d <e> & \"f\""},"finalizers":["x/y"]},"spec":)json"
       R"json({"containers":[{"name":"c","image":"nginx:1.27","command":["sh","-c","echo hi"],"args":["a b"],"workingDir":"/tmp","port)json"
       R"json(s":[{"name":"http","containerPort":80,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP","hostPort":5353,"hostIP":"1)json"
       R"json(.2.3.4"}],"env":[{"name":"A","value":"b"},{"name":"P","valueFrom":{"fieldRef":{"apiVersion":"v1","fieldPath":"status.pod)json"
       R"json(IP"}}},{"name":"S","valueFrom":{"secretKeyRef":{"name":"s","key":"k","optional":false}}},{"name":"R","valueFrom":{"resou)json"
       R"json(rceFieldRef":{"resource":"limits.cpu","divisor":"1m"}}}],"envFrom":[{"prefix":"X_","configMapRef":{"name":"cm","optional)json"
       R"json(":true}}],"resources":{"requests":{"cpu":"100m","memory":"1Gi","ephemeral-storage":"500M"},"limits":{"cpu":"2","memory":)json"
       R"json("2Gi","nvidia.com/gpu":"1","hugepages-2Mi":"4Mi"}},"terminationMessagePath":"/dev/termination-log","terminationMessagePo)json"
       R"json(licy":"File","imagePullPolicy":"IfNotPresent","tty":true,"stdin":true}],"restartPolicy":"Always","terminationGracePeriod)json"
       R"json(Seconds":30,"dnsPolicy":"ClusterFirst","securityContext":{},"schedulerName":"default-scheduler"}})json",
       "6dd4ccc47d", "75fcc4d6bf"},
      {R"json({"metadata":{"labels":{"app":"p"}},"spec":{"containers":[{"name":"c","image":"x","livenessProbe":{"httpGet":{"path":"/he)json"
       R"json(althz","port":"http","scheme":"HTTP","httpHeaders":[{"name":"X","value":"y"}]},"timeoutSeconds":1,"periodSeconds":10,"su)json"
       R"json(ccessThreshold":1,"failureThreshold":3},"readinessProbe":{"tcpSocket":{"port":8080}},"startupProbe":{"exec":{"command":[)json"
       R"json("true"]},"terminationGracePeriodSeconds":5},"lifecycle":{"preStop":{"sleep":{"seconds":3}},"postStart":{"httpGet":{"port)json"
       R"json(":80}}},"securityContext":{"runAsUser":0,"runAsNonRoot":false,"capabilities":{"add":["NET_ADMIN"],"drop":["ALL"]},"seLin)json"
       R"json(uxOptions":{"level":"s0"},"seccompProfile":{"type":"RuntimeDefault"},"allowPrivilegeEscalation":false,"readOnlyRootFiles)json"
       R"json(ystem":true,"procMount":"Default"},"volumeMounts":[{"name":"v","mountPath":"/v","subPath":"s","readOnly":true,"mountProp)json"
       R"json(agation":"None","recursiveReadOnly":"Disabled"}],"volumeDevices":[{"name":"b","devicePath":"/dev/x"}]},{"name":"g","imag)json"
       R"json(e":"y","readinessProbe":{"grpc":{"port":9,"service":"s"}}}],"initContainers":[{"name":"i","image":"z","restartPolicy":"A)json"
       R"json(lways"}],"ephemeralContainers":[{"name":"e","image":"w","targetContainerName":"c"}]}})json",
       "768c4b8c76", "77b45476f9"},
      {R"json({"spec":{"containers":[],"volumes":[{"name":"a","emptyDir":{"medium":"Memory","sizeLimit":"64Mi"}},{"name":"b","hostPath)json"
       R"json(":{"path":"/x","type":"DirectoryOrCreate"}},{"name":"c","configMap":{"name":"cm","defaultMode":420,"items":[{"key":"k",")json"
       R"json(path":"p","mode":256}]}},{"name":"d","secret":{"secretName":"s","optional":true}},{"name":"e","projected":{"defaultMode")json"
       R"json(:420,"sources":[{"serviceAccountToken":{"path":"t","expirationSeconds":3607,"audience":"x"}},{"downwardAPI":{"items":[{")json"
       R"json(path":"l","fieldRef":{"fieldPath":"metadata.labels"}}]}},{"configMap":{"name":"kube-root-ca.crt"}},{"secret":{"name":"z")json"
       R"json(}}]}},{"name":"f","persistentVolumeClaim":{"claimName":"pvc","readOnly":true}},{"name":"g","ephemeral":{"volumeClaimTemp)json"
       R"json(late":{"metadata":{"labels":{"a":"b"}},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"10Gi")json"
       R"json(}},"storageClassName":"fast","volumeMode":"Filesystem"}}}},{"name":"h","csi":{"driver":"d","fsType":"ext4","volumeAttrib)json"
       R"json(utes":{"k":"v"},"nodePublishSecretRef":{"name":"n"}}},{"name":"i","nfs":{"server":"s","path":"/p"}},{"name":"j","downwar)json"
       R"json(dAPI":{"items":[{"path":"cpu","resourceFieldRef":{"containerName":"c","resource":"requests.cpu"}}]}},{"name":"k","image")json"
       R"json(:{"reference":"r","pullPolicy":"Always"}},{"name":"l","iscsi":{"targetPortal":"t","iqn":"q","lun":0,"chapAuthDiscovery":)json"
       R"json(true}},{"name":"m","rbd":{"monitors":["m"],"image":"i","pool":"p","user":"u"}},{"name":"n","fc":{"targetWWNs":["w"],"lun)json"
       R"json(":1,"wwids":["i"]}},{"name":"o","awsElasticBlockStore":{"volumeID":"v","fsType":"ext4"}},{"name":"p","gcePersistentDisk")json"
       R"json(:{"pdName":"d"}},{"name":"q","cephfs":{"monitors":["a"]}},{"name":"r","glusterfs":{"endpoints":"e","path":"p"}},{"name":)json"
       R"json("s","azureDisk":{"diskName":"n","diskURI":"u","cachingMode":"ReadWrite","kind":"Shared"}},{"name":"t","azureFile":{"secr)json"
       R"json(etName":"s","shareName":"h"}},{"name":"u","gitRepo":{"repository":"r"}},{"name":"v","storageos":{"volumeName":"x"}},{"na)json"
       R"json(me":"w","scaleIO":{"gateway":"g","system":"s","secretRef":{"name":"n"},"sslEnabled":true}},{"name":"x","portworxVolume":)json"
       R"json({"volumeID":"i"}},{"name":"y","quobyte":{"registry":"r","volume":"v"}},{"name":"z","vsphereVolume":{"volumePath":"p"}},{)json"
       R"json("name":"aa","photonPersistentDisk":{"pdID":"i"}},{"name":"ab","flexVolume":{"driver":"d","options":{"a":"b"}}},{"name":")json"
       R"json(ac","flocker":{"datasetName":"d"}},{"name":"ad","cinder":{"volumeID":"c"}}]}})json",
       "657dfb7684", "75b665b775"},
      {R"json({"metadata":{"labels":{"x":"y"}},"spec":{"containers":[{"name":"c"}],"affinity":{"nodeAffinity":{"requiredDuringScheduli)json"
       R"json(ngIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchExpressions":[{"key":"k","operator":"In","values":["a","b"]}],"ma)json"
       R"json(tchFields":[{"key":"metadata.name","operator":"In","values":["n"]}]}]},"preferredDuringSchedulingIgnoredDuringExecution")json"
       R"json(:[{"weight":5,"preference":{"matchExpressions":[{"key":"z","operator":"Exists"}]}}]},"podAntiAffinity":{"requiredDuringS)json"
       R"json(chedulingIgnoredDuringExecution":[{"labelSelector":{"matchLabels":{"x":"y"}},"topologyKey":"kubernetes.io/hostname","nam)json"
       R"json(espaceSelector":{},"matchLabelKeys":["v"]}]}},"tolerations":[{"key":"k","operator":"Exists","effect":"NoExecute","tolera)json"
       R"json(tionSeconds":300},{"operator":"Exists"}],"topologySpreadConstraints":[{"maxSkew":1,"topologyKey":"zone","whenUnsatisfiab)json"
       R"json(le":"DoNotSchedule","labelSelector":{"matchLabels":{"x":"y"}},"minDomains":2,"nodeTaintsPolicy":"Honor"}],"nodeSelector")json"
       R"json(:{"a":"b"},"serviceAccountName":"sa","serviceAccount":"sa","automountServiceAccountToken":false,"hostNetwork":true,"host)json"
       R"json(PID":true,"hostIPC":true,"shareProcessNamespace":true,"imagePullSecrets":[{"name":"p"}],"hostname":"h","subdomain":"s",")json"
       R"json(hostAliases":[{"ip":"1.1.1.1","hostnames":["a"]}],"priorityClassName":"high","priority":1000,"dnsConfig":{"nameservers":)json"
       R"json(["8.8.8.8"],"options":[{"name":"ndots","value":"2"}]},"readinessGates":[{"conditionType":"x/y"}],"runtimeClassName":"r",)json"
       R"json("enableServiceLinks":true,"preemptionPolicy":"Never","overhead":{"cpu":"250m"},"setHostnameAsFQDN":true,"os":{"name":"li)json"
       R"json(nux"},"hostUsers":false,"schedulingGates":[{"name":"g"}],"resourceClaims":[{"name":"rc","resourceClaimTemplateName":"t"})json"
       R"json(],"resources":{"limits":{"cpu":"1500m","memory":"100M"}},"activeDeadlineSeconds":5,"securityContext":{"fsGroup":5,"suppl)json"
       R"json(ementalGroups":[1,2],"sysctls":[{"name":"a","value":"b"}],"fsGroupChangePolicy":"Always","seLinuxChangePolicy":"Recursiv)json"
       R"json(e","windowsOptions":{"gmsaCredentialSpecName":"g","hostProcess":true},"appArmorProfile":{"type":"RuntimeDefault"}}}})json",
       "764584896b", "7fcf449c4f"},
      {R"json({"spec":{"containers":[{"name":"q","resources":{"requests":{"a":"0","b":"1","c":"0.5","d":"1.5","e":"1e3","f":"12e6","g")json"
       R"json(:"1Ki","h":"1536Mi","i":"1.5Gi","j":"-5","k":"100u","l":"5n","m":"3k","n":"7M","o":"2G","p":"9T","q":"1P","r":"10","s":")json"
       R"json(1000","t":"1000m","u":"0.1","v":"1024","w":"1Ti","x":"100Gi"}}}]}})json",
       "7c7f7bcf94", "5c65d8c8bf"},
  };
  for (const auto& c : cases) {
    auto object = pod_template(c.json);
    auto view = (*object)["template"];
    EXPECT_EQ(pod_template_hash(view, {}), c.hash) << go_dump(view);
    EXPECT_EQ(pod_template_hash(view, 3), c.hash_after_three_collisions);
  }
}

TEST(TemplateHash, SameTemplate) {
  constexpr std::string_view kOne = R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x","resources":{"limits":{"cpu":"1"}}}]}})";
  const struct {
    std::string_view json;
    bool same;
  } cases[] = {
      {kOne, true},
      {R"({"metadata":{"labels":{"a":"b","pod-template-hash":"1"}},"spec":{"containers":[{"name":"c","image":"x","resources":{"limits":{"cpu":"1000m"}}}]}})",
       true},
      {R"({"metadata":{"labels":{"a":"b"},"annotations":{}},"spec":{"volumes":[],"containers":[{"name":"c","image":"x","resources":{"limits":{"cpu":"1"}}}]}})",
       true},
      {R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"y","resources":{"limits":{"cpu":"1"}}}]}})", false},
      {R"({"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"x","resources":{"limits":{"cpu":"2"}}}]}})", false},
      {R"({"metadata":{"labels":{"a":"b","c":"d"}},"spec":{"containers":[{"name":"c","image":"x","resources":{"limits":{"cpu":"1"}}}]}})", false},
      {R"({"metadata":{"labels":{"a":"b"}},"spec":{"securityContext":{},"containers":[{"name":"c","image":"x","resources":{"limits":{"cpu":"1"}}}]}})",
       false},
  };
  auto one = pod_template(kOne);
  for (const auto& c : cases) {
    auto other = pod_template(c.json);
    EXPECT_EQ(same_template((*one)["template"], (*other)["template"]), c.same) << c.json;
    EXPECT_EQ(same_template((*other)["template"], (*one)["template"]), c.same) << c.json;
  }
}

}  // namespace
}  // namespace sampan::controllers
