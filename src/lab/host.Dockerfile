ARG FROM
FROM ${FROM}
COPY host.sh /tmp/lab/
RUN sh /tmp/lab/host.sh && rm -rf /tmp/lab
COPY host-entrypoint.sh /usr/local/sbin/lab-entrypoint
STOPSIGNAL SIGRTMIN+3
EXPOSE 22
CMD ["/usr/local/sbin/lab-entrypoint"]
