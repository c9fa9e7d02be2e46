FROM node:24.21.0-bookworm-slim AS base
# DuckDB speaks TLS to S3 with the system's certificates.
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
WORKDIR /app

FROM base AS tools
RUN apt-get update && apt-get install --yes --no-install-recommends python3-pip
COPY scripts/setup scripts/setup
RUN node scripts/setup/tools.mjs ducklake sqlite postgres httpfs

FROM base AS build
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM base AS dependencies
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM base
COPY --from=dependencies /app/node_modules node_modules
COPY --from=tools /app/.tools .tools
COPY --from=build /app/dist dist
COPY package.json ./
COPY scripts/setup/tools.json scripts/setup/
RUN mkdir /data && chown node:node /data
ENV NODE_ENV=production \
    DATA_DIR=/data \
    DUCKDB_EXTENSIONS=/app/.tools/duckdb \
    WORKFLOW_BUNDLE=/app/dist/workflow-bundle.js
USER node
VOLUME /data
ENTRYPOINT ["node", "--enable-source-maps", "dist/scripts/ppi.js"]
CMD ["worker"]
