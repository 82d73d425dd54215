# The commands, and the engine's library beside them.
#
#   docker build --build-arg CLOB_BACKFILL_COMMIT="$(git rev-parse HEAD)" --tag clob-backfill:0.1.0 .
#   docker run --rm --name clob-backfill --stop-timeout 30 --volume clob-backfill:/data clob-backfill:0.1.0
#   docker exec clob-backfill ingest status
#   docker run --rm --volume clob-backfill:/data --no-healthcheck --entrypoint validate clob-backfill:0.1.0

# The version of rust-toolchain.toml.
FROM rust:1.95.0-slim-bookworm AS build
# The image has the compiler; the file would add what only developers need.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /source
COPY . .
ARG CLOB_BACKFILL_COMMIT
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --locked --release --package ingest --package validate --package profile-fills \
        --package goldsky-sim \
    && install -D --target-directory /built/bin target/release/ingest \
        target/release/validate target/release/profile-fills target/release/goldsky-sim

FROM node:22-bookworm-slim AS engine
COPY --from=build /built/bin/ingest /usr/local/bin/
# It is fetched by npm and held against its checksum, once for all builds on this machine.
RUN --mount=type=cache,target=/cache \
    XDG_CACHE_HOME=/cache ingest engine install \
    && XDG_CACHE_HOME=/cache ingest engine path --output human > /tmp/path \
    && install -D --target-directory /built/lib "$(cat /tmp/path)"

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="clob-backfill" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=engine /built/lib/ /usr/local/lib/
COPY --from=build /built/bin/ /usr/local/bin/
RUN groupadd --gid 10001 backfill \
    && useradd --uid 10001 --gid backfill --no-log-init --home-dir /data --shell /usr/sbin/nologin backfill \
    && install --directory --owner backfill --group backfill --mode 0700 /data
ENV DATA_DIR=/data CHDB_LIB_PATH=/usr/local/lib/libchdb.so
VOLUME /data
WORKDIR /data
# A number, so that Kubernetes can see that it is not root.
USER 10001:10001
STOPSIGNAL SIGTERM
# A run that gets on saves its checkpoint every few seconds; one that waits for the source gives up after
# five minutes, unless it is told to be more patient. The start is longer where markets are asked for. A run
# that follows a source which stands still saves nothing: --no-healthcheck, and /health of --metrics-listen.
HEALTHCHECK --interval=60s --timeout=10s --start-period=15m --retries=1 \
    CMD ["sh", "-c", "find /data -maxdepth 2 -name 'checkpoint-*' -mmin -10 | grep --quiet ."]
ENTRYPOINT ["ingest"]
