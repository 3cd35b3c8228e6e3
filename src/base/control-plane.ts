/**
 * Name of the static cluster of every bootstrap that leads to Switchyard: xDS and load reports. Names with a slash are
 * no service's: Envoy would ignore a cluster from us that bears a static one's name.
 */
export const controlPlane = 'switchyard/xds';
