ARG FROM
FROM ${FROM}
COPY redis.sh /tmp/lab/
RUN sh /tmp/lab/redis.sh && rm -rf /tmp/lab
COPY redis-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /data
WORKDIR /data
EXPOSE 6379
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["redis-server"]
