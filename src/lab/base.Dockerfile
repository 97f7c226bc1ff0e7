ARG FROM
FROM ${FROM}
ARG SUITE
COPY base.sh /tmp/lab/
COPY machine /tmp/lab/machine
RUN sh /tmp/lab/base.sh "${SUITE}" /tmp/lab/machine && rm -rf /tmp/lab
