/** The minor version of Envoy that everything is tested with; older ones may lack what they are sent. */
export const testedEnvoy = '1.40';
