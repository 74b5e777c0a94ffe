# Built in one stage, run in another that has only the binary and ffmpeg.
FROM rust:1-slim-bookworm AS build
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends gcc libc6-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# The dependencies alone first, so that a change of ours doesn't compile them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src tests/it && echo 'fn main() {}' > src/main.rs && touch src/lib.rs && echo 'fn main() {}' > tests/it/main.rs \
 && sed -i '/^\[\[bench\]\]/,/^$/d' Cargo.toml \
 && cargo build --release --locked
COPY . .
RUN touch src/main.rs src/lib.rs && cargo build --release --locked

FROM debian:bookworm-slim
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ffmpeg ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --no-create-home transcoded \
 && install -d -o transcoded -g transcoded /data /media
COPY --from=build /build/target/release/transcoded /usr/local/bin/transcoded
USER 10001
ENV TRANSCODED_LISTEN=0.0.0.0:8080 \
    TRANSCODED_DATA_DIR=/data \
    TRANSCODED_MEDIA_ROOT=/media
VOLUME ["/data", "/media"]
EXPOSE 8080
# The server gets the signal itself and needs up to 25 seconds: `docker stop --time 30`.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["transcoded", "doctor", "--only", "server", "--json"]
ENTRYPOINT ["transcoded"]
CMD ["serve"]
