#!/bin/sh
# The same with an API key, for a stack deployed with HttpAuth=API_KEY
set -eu
[ $# = 2 ] || { echo "Usage: call_with_key.sh KEY JSON" >&2; exit 2; }
answer=$(mktemp)  # curl empties it before it tries again
trap 'cat "$answer"; rm "$answer"' EXIT

curl --silent --show-error --fail-with-body --output "$answer" \
    --header "x-api-key: $PERSONAL_LINK_API_KEY" \
    --retry 4 --retry-max-time 60 --max-time 35 \
    --request PUT "$PERSONAL_LINK_URL" \
    --header "Content-Type: application/json" --header "Idempotency-Key: $1" \
    --data "$2"
