#!/bin/sh
# Start Caddy: plain HTTP on port 8000, or HTTPS there if ANN_SITE names a site.
set -eu

if [ "${ANN_SITE:-}" ]; then
  export HTTP_PORT=8080 HTTPS_PORT=8000
else
  export ANN_SITE=http://:8000 HTTP_PORT=8000 HTTPS_PORT=8443
fi
exec caddy run --config /etc/caddy/Caddyfile
