ARG FROM
FROM ${FROM}
RUN apt-get update -q \
 && apt-get install -q -y --no-install-recommends docker-registry \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
COPY registry.yml /etc/docker/registry/lab.yml
# No VOLUME: the filled store is committed as an image, and a volume would stay outside of it.
EXPOSE 5000
CMD ["docker-registry", "serve", "/etc/docker/registry/lab.yml"]
