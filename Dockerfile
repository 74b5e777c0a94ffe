# Built in one stage, run in another that has only the binary and ffmpeg. Works with docker and podman.
# With podman add `--format docker`: its own format can't hold the health check. `make image` does so.
FROM rust:1-slim-bookworm AS build
WORKDIR /build
# The dependencies alone first, in a layer of their own: a change of ours doesn't compile them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
 && sed -i '/^\[\[\(bench\|example\|test\)\]\]/,/^$/d' Cargo.toml \
 && echo '//! Nothing yet.' | tee src/lib.rs > src/main.rs && echo 'fn main() {}' >> src/main.rs \
 && cargo build --release --locked --quiet \
 && rm -r src
COPY . .
# The copied files can be older than what was built from the empty ones, which cargo would take for the newer.
RUN find src -name '*.rs' -exec touch {} + && cargo build --release --locked --bin transcoded

FROM debian:bookworm-slim
# Debian's ffmpeg can draw on a screen; the drivers for that (Mesa's, with all of LLVM) are half its size and never
# used here. dpkg is told to leave them out, with what is only there to be read.
RUN printf 'path-exclude=%s\n' \
      '/usr/lib/*/dri/*' '/usr/lib/*/libLLVM*' '/usr/lib/llvm*' '/usr/lib/*/libz3*' \
      '/usr/share/doc/*' '/usr/share/locale/*' '/usr/share/man/*' > /etc/dpkg/dpkg.cfg.d/lean \
 && apt-get update -qq \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends ca-certificates ffmpeg tini > /dev/null \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log /var/cache/debconf/*-old \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /data transcoded \
 && install -d -o transcoded -g transcoded /data /media
COPY --from=build /build/target/release/transcoded /usr/local/bin/transcoded
USER 10001:10001
ENV TRANSCODED_LISTEN=0.0.0.0:8080 \
    TRANSCODED_DATA_DIR=/data \
    TRANSCODED_MEDIA_ROOT=/media
WORKDIR /data
VOLUME ["/data", "/media"]
EXPOSE 8080
STOPSIGNAL SIGTERM
# Healthy means: it accepts jobs. No curl is needed for that, bash can ask by itself.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["bash", "-c", "exec 3<>\"/dev/tcp/127.0.0.1/${TRANSCODED_LISTEN##*:}\" && printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r _ status _ <&3 && [[ $status == 200 ]]"]
# tini is process 1: it hands signals on to the server and reaps what has lost its parent. A stop may take 25 seconds
# (TRANSCODED_SHUTDOWN_TIMEOUT), so give it 30: `docker stop --time 30`.
ENTRYPOINT ["tini", "--", "transcoded"]
CMD ["serve"]
