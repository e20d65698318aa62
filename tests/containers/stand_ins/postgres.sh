# Makes the cluster, the account and the database at the first start; then is Postgres.
set -eu
data=/var/lib/postgresql/18/data
if [ ! -s "$data/PG_VERSION" ]; then
  printf %s "$POSTGRES_PASSWORD" > /tmp/password
  initdb -D "$data" -U "$POSTGRES_USER" --pwfile /tmp/password --auth-local trust \
    --auth-host scram-sha-256 -E UTF8 --no-locale
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$data/pg_hba.conf"
  pg_ctl -D "$data" -w -o "-k /tmp -c listen_addresses=''" start
  psql -h /tmp -U "$POSTGRES_USER" -d postgres -c "CREATE DATABASE $POSTGRES_DB"
  pg_ctl -D "$data" -w stop
fi
exec postgres -D "$data" -k /tmp -c listen_addresses='*'
