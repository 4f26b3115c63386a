{{/* Names, labels, what all pods have in common, and what may not be. */}}

{{- define "prober.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "prober.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains (include "prober.name" .) .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "prober.name" .) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Each shard: what its objects are called, its number as a label, and how it is told which it is; one has no number. */}}
{{- define "prober.shards" -}}
{{- $all := list -}}
{{- $name := include "prober.fullname" . -}}
{{- $of := int (default 1 .Values.shards) -}}
{{- range $index := until $of -}}
{{- $number := add1 $index | toString -}}
{{- if eq $of 1 -}}
{{- $all = append $all (dict "name" $name) -}}
{{- else -}}
{{- $all = append $all (dict "name" (printf "%s-%s" $name $number) "number" $number "shard" (printf "%s/%d" $number $of)) -}}
{{- end -}}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end -}}

{{- define "prober.selector" -}}
app.kubernetes.io/name: {{ include "prober.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "prober.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "prober.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "prober.serviceAccount" -}}
{{- default (include "prober.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "prober.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The config: what was given, or the chart's own, which on PostgreSQL says so. */}}
{{- define "prober.config" -}}
{{- if .Values.config -}}
{{- .Values.config -}}
{{- else if .Values.postgresql.existingSecret -}}
{{- .Files.Get "files/probes.yaml"
    | replace "\nsecrets:\n" "\nsecrets:\n  store: file:/run/secrets/prober/store\n"
    | replace "\nhistory: {file:" "\nhistory: {database: store, file:" -}}
{{- else -}}
{{- .Files.Get "files/probes.yaml" -}}
{{- end -}}
{{- end -}}

{{- define "prober.configMap" -}}
{{- default (include "prober.fullname" .) .Values.existingConfigMap -}}
{{- end -}}

{{/* Every secret that is mounted: those that are listed, and the store's. */}}
{{- define "prober.secrets" -}}
{{- $all := .Values.secrets -}}
{{- if .Values.postgresql.existingSecret -}}
{{- $all = append $all (dict "name" "store" "existingSecret" .Values.postgresql.existingSecret "key" .Values.postgresql.key) -}}
{{- end -}}
{{- dict "all" $all | toJson -}}
{{- end -}}

{{/* Pod security «restricted», and no more. The group lets the pod read its secrets, which belong to root. */}}
{{- define "prober.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "prober.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The settings of the config. */}}
{{- define "prober.env" -}}
{{- with .Values.env }}
env:
  {{- range $name, $value := . }}
  - {name: {{ $name }}, value: {{ $value | quote }}}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "prober.mounts" -}}
- {name: config, mountPath: /etc/prober, readOnly: true}
- {name: secrets, mountPath: /run/secrets/prober, readOnly: true}
- {name: data, mountPath: /var/lib/prober}
- {name: tmp, mountPath: /tmp}
{{- end -}}

{{/* Config, secrets and a place for small files; `data` is each pod's own matter. */}}
{{- define "prober.volumes" -}}
- name: config
  configMap: {name: {{ include "prober.configMap" . }}}
{{ include "prober.volumes.more" . }}
{{- end -}}

{{- define "prober.volumes.more" -}}
- name: secrets
  projected:
    defaultMode: 256 # 0400, whichever way YAML is read
    sources:
      {{- range (include "prober.secrets" . | fromJson).all }}
      - secret:
          name: {{ .existingSecret }}
          items: [{key: {{ .key | quote }}, path: {{ .name | quote }}}]
      {{- else }}
      []
      {{- end }}
- name: tmp
  emptyDir: {medium: Memory, sizeLimit: 64Mi}
{{- end -}}

{{/* A Job's pod: as the prober's own, with a history of its own that nobody keeps. */}}
{{- define "prober.jobPod" -}}
restartPolicy: Never
enableServiceLinks: false
securityContext:
  {{- include "prober.podSecurity" . | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - {name: {{ . }}}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "prober.peers" -}}
{{- range . }}
- to: {{- toYaml .to | nindent 4 }}
  ports:
    {{- range .ports }}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
{{- end }}
{{- end -}}

{{/* What may not be: one sentence each, with what would do. */}}
{{- define "prober.validate" -}}
{{- $v := .Values -}}
{{- if and (gt (int $v.replicas) 1) (not $v.postgresql.existingSecret) -}}
{{- fail (printf "replicas: %d share no SQLite file: set postgresql.existingSecret to a Secret that holds postgresql://USER:PASSWORD@HOST/DATABASE, or replicas to 1" (int $v.replicas)) -}}
{{- end -}}
{{- if gt (int $v.shards) 1 -}}
{{- if $v.env.PROBER_SHARD -}}
{{- fail (printf "shards: %d and env.PROBER_SHARD are both set: leave env.PROBER_SHARD out, each shard is told its number" (int $v.shards)) -}}
{{- end -}}
{{- if and $v.persistence.existingClaim (not $v.postgresql.existingSecret) -}}
{{- fail (printf "shards: %d share no volume: leave persistence.existingClaim empty, and each gets a claim of its own" (int $v.shards)) -}}
{{- end -}}
{{- if $v.ingress.enabled -}}
{{- fail "ingress.enabled is for one shard: with more each has a page of its own, so write an Ingress with a host for each of their Services" -}}
{{- end -}}
{{- if $v.gate.enabled -}}
{{- fail "gate.enabled is for one shard: with more, ask the one that has the chain (`prober gate --server`; another answers 421 and says which)" -}}
{{- end -}}
{{- end -}}
{{- if and $v.config $v.existingConfigMap -}}
{{- fail "config and existingConfigMap are both set: one of them is the config, leave the other empty" -}}
{{- end -}}
{{- if and $v.config $v.postgresql.existingSecret (not (regexMatch "(?s)history:.*database:\\s*\\S" $v.config)) -}}
{{- fail "postgresql.existingSecret is set, and config does not use it: write `history: {database: store}` and `secrets: {store: file:/run/secrets/prober/store}`" -}}
{{- end -}}
{{- if and $v.prometheusRule.enabled (or $v.config $v.existingConfigMap) (not $v.prometheusRule.rules) -}}
{{- fail "prometheusRule.enabled wants the rules of your config: prober rules --config probes.yaml > rules.yml, and --set-file prometheusRule.rules=rules.yml" -}}
{{- end -}}
{{- range $name, $value := $v.env -}}
{{- if regexMatch "SECRET|TOKEN|PASSWORD|PRIVATE|_KEY$" $name -}}
{{- fail (printf "env.%s looks like a secret: put it into a Secret and list it under secrets, as whoever may describe a pod reads its environment" $name) -}}
{{- end -}}
{{- end -}}
{{- if and $v.gate.enabled (not $v.gate.token.existingSecret) -}}
{{- fail "gate.enabled wants gate.token.existingSecret: a Secret with the token of a caller that may `run`" -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- fail "ingress.enabled wants ingress.host: without one it would take every name" -}}
{{- end -}}
{{- if and $v.attestation.enabled (not $v.attestation.workloads) -}}
{{- fail "attestation.enabled wants attestation.workloads: the Deployments that may be read, by namespace and name" -}}
{{- end -}}
{{- if $v.networkPolicy.enabled -}}
{{- if not $v.networkPolicy.targets -}}
{{- fail "networkPolicy.enabled wants networkPolicy.targets: where the services of the config are, or nothing would be reached" -}}
{{- end -}}
{{- if and $v.postgresql.existingSecret (not $v.networkPolicy.postgresql) -}}
{{- fail "networkPolicy.enabled with postgresql.existingSecret wants networkPolicy.postgresql: where the database is" -}}
{{- end -}}
{{- if and $v.attestation.enabled (not $v.networkPolicy.apiServer) -}}
{{- fail "networkPolicy.enabled with attestation.enabled wants networkPolicy.apiServer: where the API server is" -}}
{{- end -}}
{{- end -}}
{{- $names := list -}}
{{- range (include "prober.secrets" . | fromJson).all -}}
{{- if has .name $names -}}
{{- fail (printf "secrets: %q is there twice; each name is one file (store is that of postgresql.existingSecret)" .name) -}}
{{- end -}}
{{- $names = append $names .name -}}
{{- end -}}
{{- end -}}
