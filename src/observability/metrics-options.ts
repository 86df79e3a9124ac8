/** A registry of `prom-client`. Described by shape, as the package may not be installed. */
export interface MetricsRegistry {
  metrics(): Promise<string>;
  getSingleMetric(name: string): unknown;
  registerMetric(metric: never): void;
}

/** Prometheus metrics, by the optional package `prom-client`. */
export interface MetricsOptions {
  /**
   * Where the metrics are registered.
   *
   * @default prom-client's own default registry
   */
  registry?: MetricsRegistry;
}
