ARG FROM
FROM ${FROM}
COPY python.sh /tmp/lab/
RUN sh /tmp/lab/python.sh && rm -rf /tmp/lab
ENV LANG=C.UTF-8
CMD ["python3"]
