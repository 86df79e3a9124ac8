export type { PrivateServer } from './private-server.js';
export { type PostgresOptions, type PrivatePostgres, startPostgres } from './postgres-server.js';
export { type ClusterOptions, type PrivateCluster, startRedisCluster } from './redis-cluster.js';
export { type RedisOptions, startRedis } from './redis-server.js';
export { type PrivateSentinel, startRedisSentinel } from './redis-sentinel.js';
