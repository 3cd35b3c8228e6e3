import { type TransportName, transportNames } from '../../src/xds/rpc.ts';
import { defaultXdsSettings, type XdsServiceSettings } from '../../src/xds/service.ts';

/** What servers of tests speak xDS with: `TEST_XDS_TRANSPORT`, or what is usual. Child processes inherit it. */
export const testTransport: TransportName =
  transportNames.find(each => each === process.env.TEST_XDS_TRANSPORT) ?? defaultXdsSettings.transport;

export const testXdsSettings: XdsServiceSettings = { ...defaultXdsSettings, transport: testTransport };
