POST /apis/events.k8s.io/v1/namespaces/n/events
Content-Type: application/json

{"apiVersion":"events.k8s.io/v1","kind":"Event","metadata":{"name":"sample-new","namespace":"n"},"eventTime":"2026-01-01T00:00:00.000000Z","regarding":{"kind":"Pod","name":"p","namespace":"n"},"reason":"Sampled","action":"Sample","note":"a sample","type":"Normal","reportingController":"example.com/sampler","reportingInstance":"sampler-1"}