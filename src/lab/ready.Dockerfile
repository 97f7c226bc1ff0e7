ARG FROM
FROM ${FROM}
COPY ready.sh /tmp/lab/
RUN sh /tmp/lab/ready.sh && rm -rf /tmp/lab
