ARG FROM
FROM ${FROM}
COPY database.sh /tmp/lab/
RUN sh /tmp/lab/database.sh mysql mysql-server-core mysql-client && rm -rf /tmp/lab
COPY database-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
VOLUME /var/lib/mysql
EXPOSE 3306
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["mysqld"]
