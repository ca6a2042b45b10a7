package ciconfig

const kubernetesFile = `# publish.yaml
apiVersion: batch/v1
kind: Job
metadata:
  generateName: publish-
  namespace: [[q .Namespace]]
spec:
  template:
    spec:
      serviceAccountName: [[q .Service]]
      restartPolicy: Never
      containers:
        - name: publish
          image: [[.Image]]
          workingDir: /work
          command: [bash, -ec]
          args:
            - [[indent 14 .Script]]
          volumeMounts:
            - {name: work, mountPath: /work}
            - {name: identity, mountPath: /var/run/secrets/index, readOnly: true}
      volumes:
        - name: work
          emptyDir: {}
        - name: identity
          projected:
            sources:
              - serviceAccountToken:
                  audience: [[q .Audience]]
                  path: token
`

func kubernetes(t Target, _ string, fields map[string]string) Guide {
	namespace, account := fields["namespace"], fields["service_account"]
	j := scriptJob{
		Target: t, Image: uvImage, Namespace: namespace, Service: account,
		Script: "git clone --depth 1 \"$SOURCE\" .    # your project: set SOURCE, or mount the files\nuv build\n" +
			exchange(t, output("cat /var/run/secrets/index/token")),
	}
	return Guide{
		Files: []File{{Key: "uv", Title: "A Job, with uv", Path: "publish.yaml", Text: write(kubernetesFile, j)}},
		Steps: []string{
			"kubectl create -f publish.yaml runs it once. Keep the namespace " + namespace +
				" to people who may publish: everyone who can create pods there can act as " + account + ".",
		},
		CA: caSteps(""),
	}
}
