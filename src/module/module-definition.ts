import { ConfigurableModuleBuilder } from '@nestjs/common';

import type { SessionModuleOptions } from './session.options.js';
import { DEFAULT_NAME } from './resolve-options.js';

/** What must be known before the options are: they may come from an asynchronous factory. */
export interface SessionModuleExtras {
  /**
   * Tells this module from another one in the same application, such as `'staff'` beside
   * `'customers'`. Its Redis keys and injection tokens bear the name.
   *
   * @default 'default'
   */
  name?: string;
  /**
   * Whether other modules can inject the services without importing this one.
   *
   * @default true
   */
  isGlobal?: boolean;
}

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN, OPTIONS_TYPE, ASYNC_OPTIONS_TYPE } =
  new ConfigurableModuleBuilder<SessionModuleOptions<unknown>>({ moduleName: 'Session' })
    .setClassMethodName('forRoot')
    .setExtras<SessionModuleExtras>({ name: DEFAULT_NAME, isGlobal: true })
    .build();
