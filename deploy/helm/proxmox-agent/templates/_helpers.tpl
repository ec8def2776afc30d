{{- define "proxmox-agent.labels" -}}
app.kubernetes.io/name: proxmox-agent
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}
