#!/usr/bin/env bash
# What the prober may do on Google Cloud, and who may call it: the least that works, each with its reason.
#   PROJECT=… REGION=… DEPLOYER=user:… READERS=group:… deploy/cloudrun/iam.sh before|after
# `before` service and job are made, what they need; `after`, who may use them. Both may be given again.
# No role is given on the project; each is on the one thing that it is for.
set -euo pipefail
: "${PROJECT:?}" "${REGION:?}" "${DEPLOYER:?who deploys, such as serviceAccount:build@…}" "${READERS:?who may read reports, such as group:team@…}"

prober="prober@${PROJECT}.iam.gserviceaccount.com"

before() {
  # An account of its own: with the default one it could do whatever every other service of the project may.
  gcloud iam service-accounts describe "$prober" --project="$PROJECT" >/dev/null 2>&1 ||
    gcloud iam service-accounts create prober --project="$PROJECT" --display-name="post-deploy prober"

  # It reads its own secrets, each by name, and no other secret of the project; the config is one of them.
  for secret in jwt-secret-staging service-secret e2e-oauth-simulation-key prober-trigger-token prober-probes-yaml; do
    gcloud secrets add-iam-policy-binding "$secret" --project="$PROJECT" \
      --member="serviceAccount:$prober" --role=roles/secretmanager.secretAccessor
  done

  # It calls the services that it looks at; without this Cloud Run answers 403 in their place (platform_refuses_prober).
  # Not needed for a service that is public.
  for service in auth backend; do
    gcloud run services add-iam-policy-binding "$service" --project="$PROJECT" --region="$REGION" \
      --member="serviceAccount:$prober" --role=roles/run.invoker
  done

  # The backend calls auth; without this it takes Cloud Run's 403 for a refused token (platform_refuses_backend).
  # BACKEND is the account that the backend runs as. Not needed where auth is public.
  if [ -n "${BACKEND:-}" ]; then
    gcloud run services add-iam-policy-binding auth --project="$PROJECT" --region="$REGION" \
      --member="serviceAccount:$BACKEND" --role=roles/run.invoker
  fi

  # Who deploys may run something as the prober.
  gcloud iam service-accounts add-iam-policy-binding "$prober" --project="$PROJECT" \
    --member="$DEPLOYER" --role=roles/iam.serviceAccountUser
}

after() {
  # … replace this service …
  gcloud run services add-iam-policy-binding prober --project="$PROJECT" --region="$REGION" \
    --member="$DEPLOYER" --role=roles/run.developer
  # … and start the gate, with the revision among its arguments.
  gcloud run jobs add-iam-policy-binding prober-gate --project="$PROJECT" --region="$REGION" \
    --member="$DEPLOYER" --role=roles/run.jobsExecutorWithOverrides

  # People and Prometheus read it; never allUsers.
  gcloud run services add-iam-policy-binding prober --project="$PROJECT" --region="$REGION" \
    --member="$READERS" --role=roles/run.invoker
}

case "${1:-}" in before | after) "$1" ;; *) echo "write before or after" >&2; exit 2 ;; esac
