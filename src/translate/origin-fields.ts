/**
 * Which field of the policy each field of a message is made of, as far as the names do not say it: `connect_timeout` is
 * `connectTimeout`, so it does not stand here. The longest entry that a field's path begins with counts; from there on,
 * names are compared. Without an entry and without a name, the place is as far as one has come.
 */
export type FieldNames = Readonly<Record<string, string>>;

const balancing = 'load_balancing_policy.policies.typed_extension_config.typed_config';
const filter = 'filter_chains.filters.typed_config';

/** Messages `Cluster`, made of a service. */
export const clusterFields: FieldNames = {
  health_checks: 'healthCheck',
  'health_checks.unhealthy_threshold': 'healthCheck.unhealthyAfter',
  'health_checks.healthy_threshold': 'healthCheck.healthyAfter',
  'health_checks.unhealthy_edge_interval': 'healthCheck.edgeInterval',
  'health_checks.healthy_edge_interval': 'healthCheck.edgeInterval',
  'health_checks.no_traffic_interval': 'healthCheck.idleInterval',
  'health_checks.no_traffic_healthy_interval': 'healthCheck.idleHealthyInterval',
  'health_checks.initial_jitter': 'healthCheck.jitter',
  'health_checks.interval_jitter_percent': 'healthCheck.jitter',
  'health_checks.http_health_check': 'healthCheck.http',
  'health_checks.http_health_check.expected_statuses': 'healthCheck.http.expect',
  'health_checks.http_health_check.retriable_statuses': 'healthCheck.http.retriable',
  'health_checks.http_health_check.request_headers_to_add': 'healthCheck.http.headers',
  'health_checks.http_health_check.response_buffer_size': 'healthCheck.http.receiveWithin',
  'health_checks.http_health_check.codec_client_type': 'protocol',
  'health_checks.tcp_health_check': 'healthCheck.tcp',
  'health_checks.grpc_health_check': 'healthCheck.grpc',
  'health_checks.grpc_health_check.service_name': 'healthCheck.grpc.service',
  'health_checks.grpc_health_check.authority': 'healthCheck.grpc.host',
  'health_checks.grpc_health_check.initial_metadata': 'healthCheck.grpc.metadata',
  'outlier_detection.consecutive_5xx': 'outlierDetection.consecutiveServerErrors',
  'outlier_detection.enforcing_consecutive_5xx': 'outlierDetection.enforceConsecutiveServerErrors',
  'outlier_detection.consecutive_gateway_failure': 'outlierDetection.consecutiveGatewayErrors',
  'outlier_detection.enforcing_consecutive_gateway_failure': 'outlierDetection.enforceConsecutiveGatewayErrors',
  'outlier_detection.split_external_local_origin_errors': 'outlierDetection.splitLocalErrors',
  'outlier_detection.consecutive_local_origin_failure': 'outlierDetection.consecutiveLocalErrors',
  'outlier_detection.enforcing_consecutive_local_origin_failure': 'outlierDetection.enforceConsecutiveLocalErrors',
  'outlier_detection.base_ejection_time': 'outlierDetection.baseEjection',
  'outlier_detection.max_ejection_time': 'outlierDetection.maxEjection',
  'outlier_detection.max_ejection_time_jitter': 'outlierDetection.ejectionJitter',
  'outlier_detection.max_ejection_percent': 'outlierDetection.maxEjected',
  'outlier_detection.always_eject_one_host': 'outlierDetection.alwaysEjectOne',
  'outlier_detection.successful_active_health_check_uneject_host': 'outlierDetection.activeCheckRestores',
  'outlier_detection.detect_degraded_hosts': 'outlierDetection.detectDegraded',
  'outlier_detection.enforcing_success_rate': 'outlierDetection.successRate.enforce',
  'outlier_detection.enforcing_local_origin_success_rate': 'outlierDetection.successRate.enforceLocal',
  'outlier_detection.success_rate_minimum_hosts': 'outlierDetection.successRate.minimumEndpoints',
  'outlier_detection.success_rate_request_volume': 'outlierDetection.successRate.requestVolume',
  'outlier_detection.success_rate_stdev_factor': 'outlierDetection.successRate.deviationFactor',
  'outlier_detection.enforcing_failure_percentage': 'outlierDetection.failurePercentage.enforce',
  'outlier_detection.enforcing_failure_percentage_local_origin': 'outlierDetection.failurePercentage.enforceLocal',
  'outlier_detection.failure_percentage_threshold': 'outlierDetection.failurePercentage.threshold',
  'outlier_detection.failure_percentage_minimum_hosts': 'outlierDetection.failurePercentage.minimumEndpoints',
  'outlier_detection.failure_percentage_request_volume': 'outlierDetection.failurePercentage.requestVolume',
  'circuit_breakers.thresholds': 'circuitBreakers',
  'circuit_breakers.per_host_thresholds': 'circuitBreakers.maxConnectionsPerEndpoint',
  'circuit_breakers.thresholds.max_pending_requests': 'circuitBreakers.maxPending',
  'circuit_breakers.thresholds.retry_budget': 'retryBudget',
  'circuit_breakers.thresholds.retry_budget.budget_percent': 'retryBudget.percent',
  'circuit_breakers.thresholds.retry_budget.min_retry_concurrency': 'retryBudget.minConcurrency',
  load_balancing_policy: 'loadBalancing',
  [balancing]: 'loadBalancing',
  [`${balancing}.slow_start_config`]: 'loadBalancing.slowStart',
  [`${balancing}.slow_start_config.slow_start_window`]: 'loadBalancing.slowStart.window',
  [`${balancing}.slow_start_config.min_weight_percent`]: 'loadBalancing.slowStart.minWeight',
  [`${balancing}.consistent_hashing_lb_config`]: 'loadBalancing.maxLoad',
  [`${balancing}.locality_lb_config`]: 'loadBalancing.zones',
  [`${balancing}.locality_weighted_lb_config`]: 'loadBalancing.zones',
  [`${balancing}.locality_lb_config.zone_aware_lb_config.routing_enabled`]: 'loadBalancing.zones.share',
  [`${balancing}.locality_lb_config.zone_aware_lb_config.min_cluster_size`]: 'loadBalancing.zones.minEndpoints',
  [`${balancing}.locality_lb_config.zone_aware_lb_config.force_local_zone`]: 'loadBalancing.zones.forceOwnZone',
  [`${balancing}.blackout_period`]: 'loadBalancing.blackout',
  [`${balancing}.weight_expiration_period`]: 'loadBalancing.expiration',
  [`${balancing}.weight_update_period`]: 'loadBalancing.update',
  [`${balancing}.error_utilization_penalty`]: 'loadBalancing.errorPenalty',
  [`${balancing}.metric_names_for_computing_utilization`]: 'loadBalancing.utilizationMetrics',
  [`${balancing}.enable_oob_load_report`]: 'loadBalancing.outOfBand',
  [`${balancing}.oob_reporting_period`]: 'loadBalancing.outOfBand.interval',
  [`${balancing}.oob_reporting_config`]: 'loadBalancing.outOfBand',
  [`${balancing}.oob_reporting_config.port_value`]: 'loadBalancing.outOfBand.port',
  'common_lb_config.healthy_panic_threshold': 'loadBalancing.panicThreshold',
  'common_lb_config.override_host_status': 'sessions',
  'common_lb_config.ignore_new_hosts_until_first_hc': 'healthCheck',
  typed_extension_protocol_options: 'protocol',
  'typed_extension_protocol_options.http_filters': 'admissionControl',
  'typed_extension_protocol_options.common_http_protocol_options.max_connection_duration': 'connections.maxDuration',
  'typed_extension_protocol_options.common_http_protocol_options.max_requests_per_connection':
    'connections.maxRequests',
  per_connection_buffer_limit_bytes: 'protocol',
  close_connections_on_host_health_failure: 'healthCheck',
};

const withinZone = `${balancing}.endpoint_picking_policy.policies.typed_extension_config.typed_config`;

/** The same where a zone is chosen first, by load: the balancing of others stands inside. */
export const clusterFieldsByLoad: FieldNames = {
  ...Object.fromEntries(
    Object.entries(clusterFields).map(([path, name]) => [
      path.startsWith(balancing) ? withinZone + path.slice(balancing.length) : path,
      name,
    ]),
  ),
  [balancing]: 'loadBalancing.zones',
  [`${balancing}.weight_update_period`]: 'loadBalancing.zones.update',
  [`${balancing}.weight_expiration_period`]: 'loadBalancing.zones.expiration',
  [`${balancing}.metric_names_for_computing_utilization`]: 'loadBalancing.zones.utilizationMetrics',
  [`${balancing}.utilization_variance_threshold`]: 'loadBalancing.zones.margin',
  [`${balancing}.smoothing_time_constant`]: 'loadBalancing.zones.smoothing',
  [`${balancing}.remote_probe_fraction`]: 'loadBalancing.zones.probe',
  [`${balancing}.enable_oob_load_report`]: 'loadBalancing.zones.outOfBand',
  [`${balancing}.oob_reporting_period`]: 'loadBalancing.zones.outOfBand.interval',
  [`${balancing}.oob_reporting_config`]: 'loadBalancing.zones.outOfBand',
  [`${balancing}.oob_reporting_config.port_value`]: 'loadBalancing.zones.outOfBand.port',
};

/** Messages `LbEndpoint`, and what localities have in common with their first endpoint. */
export const endpointFields: FieldNames = {
  'endpoint.address': 'address',
  'endpoint.health_check_config': 'healthCheck',
  load_balancing_weight: 'weight',
  health_status: 'state',
  metadata: 'labels',
  'metadata.filter_metadata.hash_key': 'hashKey',
  'locality.zone': 'zone',
  'locality.region': 'zone',
};

/** Messages `Listener`, made of a listener of a gateway or of where a sidecar's application calls others. */
export const listenerFields: FieldNames = {
  'address.socket_address.address': 'address',
  'address.socket_address.port_value': 'port',
  enable_reuse_port: 'reusePort',
  [`${filter}.xff_num_trusted_hops`]: 'trustedProxies',
  [`${filter}.max_connections`]: 'maxConnections',
  [`${filter}.cluster`]: 'to',
  'listener_filters.typed_config.matcher': 'to',
  'listener_filters.typed_config.idle_timeout': 'idleTimeout',
  [`${filter}.weighted_clusters`]: 'to',
};

/** Messages `VirtualHost`, made of a route. */
export const hostFields: FieldNames = { domains: 'hosts' };

/** Messages `Route`, made of a rule. */
export const ruleFields: FieldNames = {
  'match.prefix': 'match.path',
  'match.path_separated_prefix': 'match.path',
  'match.safe_regex': 'match.path',
  'match.path_match_policy': 'match.path',
  'match.case_sensitive': 'match.path.ignoreCase',
  'match.query_parameters': 'match.query',
  'route.cluster': 'to',
  'route.weighted_clusters.clusters': 'to',
  'route.weighted_clusters.clusters.response_headers_to_add': 'sticky',
  'route.weighted_clusters.use_hash_policy': 'sticky.hashBy',
  'route.timeout': 'timeout',
  'route.idle_timeout': 'idleTimeout',
  'route.max_stream_duration': 'maxStreamDuration',
  'route.priority': 'priority',
  'route.retry_policy': 'retries',
  'route.retry_policy.num_retries': 'retries.attempts',
  'route.retry_policy.retry_on': 'retries.on',
  'route.retry_policy.retriable_status_codes': 'retries.statuses',
  'route.retry_policy.retry_back_off.base_interval': 'retries.backoff.base',
  'route.retry_policy.retry_back_off.max_interval': 'retries.backoff.max',
  'route.retry_policy.retriable_headers': 'retries.headers',
  'route.retry_policy.rate_limited_retry_back_off': 'retries.backoff.retryAfter',
  'route.hedge_policy': 'retries.hedge',
  'route.retry_policy.retry_host_predicate': 'retries.otherHost',
  'route.retry_policy.host_selection_retry_max_attempts': 'retries.otherHost',
  'route.prefix_rewrite': 'rewrite',
  'route.regex_rewrite': 'rewrite',
  'route.host_rewrite_literal': 'rewrite.host',
  'redirect.scheme_redirect': 'redirect.scheme',
  'redirect.host_redirect': 'redirect.host',
  'redirect.port_redirect': 'redirect.port',
  'redirect.path_redirect': 'redirect.path',
  'redirect.prefix_rewrite': 'redirect.prefix',
  'redirect.regex_rewrite': 'redirect.prefix',
  'redirect.response_code': 'redirect.status',
  direct_response: 'respond',
  request_headers_to_remove: 'requestHeaders.remove',
  response_headers_to_remove: 'responseHeaders.remove',
};

/** The same of a rule whose callers are told apart by a hash. */
export const hashedRuleFields: FieldNames = { ...ruleFields, 'route.hash_policy': 'sticky.hashBy' };

/** Messages `Route`, as far as a rule leaves it to its services. */
export const serviceFields: FieldNames = {
  ...Object.fromEntries(Object.entries(ruleFields).filter(([, to]) => /^(timeout|retries)\b/.test(to))),
  'route.hash_policy': 'loadBalancing.hashBy',
  'route.weighted_clusters.clusters.typed_per_filter_config': 'sessions',
  typed_per_filter_config: 'sessions',
};
