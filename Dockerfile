# The switch with its sample office. Media wants thousands of UDP ports, so run it on the host's network:
#
#   docker build -t softswitch .
#   docker run --rm --network host -v softswitch:/var/lib/softswitch softswitch
#   docker exec CONTAINER softswitch status
#
# For an office of your own mount a folder with config/softswitch.yaml, config/secrets.yaml (for user 10001) and
# dialplans/ at /etc/softswitch.

FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY softswitch ./softswitch
RUN python -m venv /opt/softswitch && /opt/softswitch/bin/pip install --no-cache-dir .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/softswitch --create-home softswitch \
    && chmod 700 /var/lib/softswitch
COPY --from=build /opt/softswitch /opt/softswitch
COPY config/softswitch.yaml /etc/softswitch/config/softswitch.yaml
COPY --chown=10001 --chmod=600 config/secrets.yaml /etc/softswitch/config/secrets.yaml
COPY dialplans /etc/softswitch/dialplans
ENV PATH=/opt/softswitch/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SOFTSWITCH_CONFIG=/etc/softswitch/config/softswitch.yaml \
    SOFTSWITCH_STORE=sqlite:////var/lib/softswitch/softswitch.db \
    SOFTSWITCH_CONTROL=/var/lib/softswitch/control.sock \
    SOFTSWITCH_TLS_CERTIFICATE=/var/lib/softswitch/tls-certificate.pem \
    SOFTSWITCH_TLS_KEY=/var/lib/softswitch/tls-key.pem \
    SOFTSWITCH_LOG_FORMAT=json
USER 10001
WORKDIR /var/lib/softswitch
VOLUME /var/lib/softswitch
EXPOSE 5060/udp 5060/tcp 5061/tcp 20000-29999/udp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["softswitch", "status", "--json"]
CMD ["softswitch", "run"]
