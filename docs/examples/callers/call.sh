#!/bin/sh
# Asks for a survey link with a signature; prints the answer. Needs curl 7.75 or newer.
set -eu
[ $# = 2 ] || { echo "Usage: call.sh KEY JSON" >&2; exit 2; }
answer=$(mktemp)  # curl empties it before it tries again
trap 'cat "$answer"; rm "$answer"' EXIT

curl --silent --show-error --fail-with-body --output "$answer" \
    --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    ${AWS_SESSION_TOKEN:+--header "x-amz-security-token: $AWS_SESSION_TOKEN"} \
    --retry 4 --retry-max-time 60 --max-time 35 \
    --request PUT "$PERSONAL_LINK_URL" \
    --header "Content-Type: application/json" --header "Idempotency-Key: $1" \
    --data "$2"
