FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY setup/bundle.mjs setup/
COPY src ./src
RUN npm run build && node dist/main.js help --man > snap-volume.1

FROM node:24-bookworm-slim

# Older rsyncs, run as root, follow symlinks that the owner of the tree swaps in while they copy
# (CVE-2026-53795). The package managers of the base have nothing to do at run time.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      btrfs-progs coreutils rsync tini util-linux xdelta3 zstd \
 && rsync_version="$(dpkg-query -W -f '${Version}' rsync)" \
 && { dpkg --compare-versions "$rsync_version" ge 3.5.0 \
      || { echo "rsync $rsync_version is too old: 3.5.0 or newer is needed, from bookworm-security in the apt sources of the base image" >&2; exit 1; }; } \
 # what users may set, and cp would leave out
 && sed -i '/^user\..*skip/d' /etc/xattr.conf \
 && apt-get clean \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
      /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx \
      /usr/local/bin/corepack /usr/local/bin/yarn /usr/local/bin/yarnpkg /opt/yarn-*

COPY entrypoint.sh healthcheck.sh /usr/local/bin/
WORKDIR /opt/snap-volume
COPY package.json LICENSE ./
COPY --from=build /build/dist ./dist
COPY --from=build /build/snap-volume.1 /usr/local/share/man/man1/
RUN ln -s /opt/snap-volume/dist/main.js /usr/local/bin/snap-volume
WORKDIR /

ENV NODE_ENV=production SNAP_VOLUME_IMAGE=true
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD ["/usr/local/bin/healthcheck.sh"]
# SNAP_LISTEN; nothing listens there without SNAP_TOKEN.
EXPOSE 8400

ARG VERSION=unknown
ARG COMMIT=unknown
ARG SOURCE=
# What `version` says; last, so that a new commit builds nothing anew.
ENV SNAP_VOLUME_COMMIT=$COMMIT
# It mounts what its consumers mount, and is none of them.
LABEL snap-volume.sidecar="true" \
      org.opencontainers.image.title="snap-volume" \
      org.opencontainers.image.description="Snapshot sidecar for Docker volumes" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT" \
      org.opencontainers.image.licenses="MIT"

ENTRYPOINT ["/usr/local/bin/entrypoint.sh"]
CMD ["help"]
