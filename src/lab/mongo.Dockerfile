ARG FROM
FROM ${FROM}
COPY mongo.sh mongod.py /tmp/lab/
RUN sh /tmp/lab/mongo.sh && rm -rf /tmp/lab
COPY mongo-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /data/db /data/configdb
ENV HOME=/data/db
EXPOSE 27017
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mongod"]
