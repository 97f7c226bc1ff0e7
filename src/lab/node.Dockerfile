ARG FROM
FROM ${FROM}
COPY node.sh /tmp/lab/
RUN sh /tmp/lab/node.sh && rm -rf /tmp/lab
CMD ["node"]
